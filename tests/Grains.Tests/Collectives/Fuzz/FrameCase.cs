using System.IO.Hashing;
using System.Runtime.InteropServices;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Grains.Tests.Collectives.Fuzz;

/// <summary>Faults of bytes that arrive instead of the expected frame.</summary>
internal enum FrameFault
{
    None, RandomBytes, FlippedHeader, FlippedPayload, WrongHash, Truncated,
    WrongRun, WrongNumber, WrongNonce, WrongIncarnation, WrongRank, WrongVersion,
    WrongStep, WrongKind, WrongPart, WrongOffset, Oversized, WrongLength,
}

/// <summary>An expected frame, and the bytes that arrive: correct ones, or with one fault. A case depends only on the random number generator, so a seed
/// gives the same cases everywhere.</summary>
internal sealed class FrameCase
{
    private static readonly FrameFault[] s_faults = Enum.GetValues<FrameFault>();

    public static readonly GroupPlan Plan = new()
    {
        RunHash = 0x1234, GenerationNumber = 3, GenerationNonce = new("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Shards = 2, OwnRank = 0, Secret = new byte[32],
        Members = [new("w0", 100, "here", "127.0.0.1", 1, 0, 1), new("w1", 101, "there", "127.0.0.1", 2, 1, 2)],
    };

    private FrameCase(FrameFault fault, FrameHeader due, byte[] bytes, RejectionCause? cause) => (Fault, Due, Bytes, Cause) = (fault, due, bytes, cause);

    public FrameFault Fault { get; }

    /// <summary>The expected header, without its hash.</summary>
    public FrameHeader Due { get; }

    /// <summary>The bytes that arrive.</summary>
    public byte[] Bytes { get; }

    /// <summary>The expected cause of the refusal; null for a correct frame, and for a truncated one, which never becomes complete.</summary>
    public RejectionCause? Cause { get; }

    /// <summary>A frame of a data connection.</summary>
    public static FrameCase Data(Random random, int maxPayload)
    {
        FrameKind kind = Pick(random, FrameKind.Begin, FrameKind.Scatter, FrameKind.Gather, FrameKind.Exchange, FrameKind.SmallReduce);
        FrameHeader due = FrameHeader.Of(Plan, 1).With(kind, random.NextInt64(), (uint)random.Next(), (uint)random.Next(), (uint)random.Next(1, maxPayload));
        var payload = new byte[due.Length];
        random.NextBytes(payload);
        return Of(random, Pick(random, s_faults), due, payload);
    }

    /// <summary>A frame of a control or heartbeat connection: any kind and number, no payload. Only frames of strangers are refused there.</summary>
    public static FrameCase Control(Random random)
    {
        FrameKind kind = Pick(random, FrameKind.Doorbell, FrameKind.Waiting, FrameKind.Abort, FrameKind.Leave, FrameKind.Heartbeat, FrameKind.Applied);
        FrameHeader due = FrameHeader.Of(Plan, 1).With(kind, random.NextInt64(), (uint)random.Next(), value: (ulong)random.NextInt64());
        return Of(random, s_faults[random.Next((int)FrameFault.WrongStep)], due, []);
    }

    private static FrameCase Of(Random random, FrameFault fault, FrameHeader due, byte[] payload)
    {
        // A frame without payload cannot have these faults.
        if (payload.Length == 0 && fault is FrameFault.FlippedPayload or FrameFault.WrongHash) fault = FrameFault.FlippedHeader;
        GroupMember liar = Plan.Members[1] with { Incarnation = (ulong)random.NextInt64() };
        FrameHeader header = fault switch
        {
            FrameFault.WrongRun => Like(due, Plan with { RunHash = (ulong)random.NextInt64() }),
            FrameFault.WrongNumber => Like(due, Plan with { GenerationNumber = random.NextInt64(4, long.MaxValue) }),
            FrameFault.WrongNonce => Like(due, Plan with { GenerationNonce = NewGuid(random) }),
            FrameFault.WrongIncarnation => Like(due, Plan with { Members = [Plan.Members[0], liar] }),
            FrameFault.WrongRank => Like(due, Plan with { Members = [Plan.Members[1], Plan.Members[0]] }, rank: 0),
            _ => due,
        };
        switch (fault)
        {
            case FrameFault.WrongStep: header.Step ^= 1L << random.Next(64); break;
            case FrameFault.WrongKind: header.Kind = (FrameKind)((int)due.Kind ^ 1 << random.Next(8)); break;
            case FrameFault.WrongPart: header.Part ^= 1u << random.Next(32); break;
            case FrameFault.WrongOffset: header.Offset ^= 1u << random.Next(32); break;
            case FrameFault.Oversized: header.Length = uint.MaxValue - (uint)random.Next(1000); break;
            case FrameFault.WrongLength: header.Length ^= 1u << random.Next(20); break;
        }
        if (payload.Length > 0) header.Value = XxHash3.HashToUInt64(payload);
        if (fault is FrameFault.WrongHash) header.Value ^= 1ul << random.Next(64);
        header.SetChecksum();
        byte[] bytes = [.. MemoryMarshal.AsBytes(new ReadOnlySpan<FrameHeader>(in header)), .. payload];
        switch (fault)
        {
            case FrameFault.RandomBytes: random.NextBytes(bytes); break;
            case FrameFault.FlippedHeader: Flip(random, bytes.AsSpan(0, FrameHeader.Bytes)); break;
            case FrameFault.WrongVersion: bytes[4] ^= (byte)(1 << random.Next(8)); break;
            case FrameFault.FlippedPayload: Flip(random, bytes.AsSpan(FrameHeader.Bytes)); break;
            case FrameFault.Truncated: bytes = bytes[..random.Next(bytes.Length)]; break;
        }
        return new(fault, due, bytes, CauseOf(fault));
    }

    private static RejectionCause? CauseOf(FrameFault fault) => fault switch
    {
        FrameFault.None or FrameFault.Truncated => null,
        FrameFault.RandomBytes or FrameFault.FlippedHeader or FrameFault.WrongVersion => RejectionCause.Malformed,
        FrameFault.FlippedPayload or FrameFault.WrongHash => RejectionCause.DamagedPayload,
        FrameFault.WrongRun => RejectionCause.WrongRun,
        FrameFault.WrongNumber or FrameFault.WrongNonce => RejectionCause.WrongGeneration,
        FrameFault.WrongIncarnation or FrameFault.WrongRank => RejectionCause.WrongIncarnation,
        FrameFault.WrongStep => RejectionCause.WrongStep,
        FrameFault.WrongKind or FrameFault.WrongPart or FrameFault.WrongOffset => RejectionCause.WrongFrame,
        _ => RejectionCause.WrongLength,
    };

    private static FrameHeader Like(FrameHeader due, GroupPlan plan, int rank = 1) => FrameHeader.Of(plan, rank).With(due.Kind, due.Step, due.Part, due.Offset, due.Length, due.Value);

    /// <summary>Flips one to eight different bits.</summary>
    private static void Flip(Random random, Span<byte> bytes)
    {
        int[] places = random.GetItems(Enumerable.Range(0, 8 * bytes.Length).ToArray(), random.Next(1, 9));
        foreach (int place in places.Distinct()) bytes[place / 8] ^= (byte)(1 << place % 8);
    }

    private static Guid NewGuid(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new(bytes);
    }

    private static T Pick<T>(Random random, params ReadOnlySpan<T> choices) => choices[random.Next(choices.Length)];
}
