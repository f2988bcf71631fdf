using System.Numerics;
using System.Runtime.InteropServices;
using Spikeformer.Collectives.Plan;
using Spikeformer.Numerics;

namespace Spikeformer.Collectives.Frames;

/// <summary>What a frame is for.</summary>
internal enum FrameKind : byte
{
    /// <summary>Data: a rank enters a reduction; the payload is its note.</summary>
    Begin = 1,
    /// <summary>Data: a block of a tree node, for the owner of the block.</summary>
    Scatter,
    /// <summary>Data: a block of the sum, from its owner.</summary>
    Gather,
    /// <summary>Data: a piece of a message for everyone.</summary>
    Exchange,
    /// <summary>Data: a piece of a reduction that is small enough to be an exchange.</summary>
    SmallReduce,

    /// <summary>Control: look at the shared memory.</summary>
    Doorbell = 32,
    /// <summary>Control: the sender is alive and waits in a collective call.</summary>
    Waiting,
    /// <summary>Control: the sender seals the generation. Part is the reason, value the suspects, a bit per rank.</summary>
    Abort,
    /// <summary>Control: the sender leaves in good order; what it owed has been sent.</summary>
    Leave,
    /// <summary>Control: a host's first member has made the shared segment (value 1) or could not (0).</summary>
    SegmentMade,
    /// <summary>Control: the sender has mapped it (1) or could not (0).</summary>
    SegmentMapped,
    /// <summary>Control: all of the host use it (1) or nobody does (0).</summary>
    SegmentDecided,

    /// <summary>Heartbeat: step and phase.</summary>
    Heartbeat = 64,
    /// <summary>Heartbeat: the step was applied; value is its digest.</summary>
    Applied,
}

/// <summary>
/// The 64 bytes before every payload, little-endian. A receiver makes the header that is due from the plan and compares: nothing in it is ever
/// believed, least of all a length.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = Bytes)]
internal struct FrameHeader
{
    public const int Bytes = 64;
    private const uint Mark = 0x464B5053; // "SPKF"
    private const ushort CurrentVersion = 1;

    private uint _magic;
    private ushort _version;
    public FrameKind Kind;
    private byte _rank;
    private ulong _run;
    private ulong _generation;
    private ulong _incarnation;
    public long Step;
    /// <summary>Tree node of a scatter frame, part of an exchange, reason of an abort.</summary>
    public uint Part;
    /// <summary>First element (reductions) or byte (exchanges) of the payload.</summary>
    public uint Offset;
    /// <summary>Bytes of the payload.</summary>
    public uint Length;
    private uint _check;
    /// <summary>Hash of the payload where the plan asks for one; a frame without payload may carry a number here.</summary>
    public ulong Value;

    /// <summary>What all frames of a member have in common.</summary>
    public static FrameHeader Of(GroupPlan plan, int rank) => new()
    {
        _magic = Mark, _version = CurrentVersion, _rank = (byte)rank, _run = plan.RunHash, _generation = plan.GenerationTag, _incarnation = plan.Members[rank].Incarnation,
    };

    /// <summary>A tree node as a part.</summary>
    public static uint PartOf(TreeNode node) => (uint)node.Level << 24 | (uint)node.Index;

    public readonly FrameHeader With(FrameKind kind, long step = 0, uint part = 0, uint offset = 0, uint length = 0, ulong value = 0)
    {
        FrameHeader header = this;
        (header.Kind, header.Step, header.Part, header.Offset, header.Length, header.Value) = (kind, step, part, offset, length, value);
        return header;
    }

    /// <summary>To be called last, before the header leaves.</summary>
    public void Seal() => _check = Check();

    /// <summary>Why this is not the frame that is due, or null when it is. <see cref="Value"/> is not compared.</summary>
    public readonly RejectionCause? DifferenceFrom(in FrameHeader due)
    {
        if (StrangerTo(due) is { } cause) return cause;
        if (Step != due.Step) return RejectionCause.WrongStep;
        if (Kind != due.Kind || Part != due.Part || Offset != due.Offset) return RejectionCause.WrongFrame;
        return Length == due.Length ? null : RejectionCause.WrongLength;
    }

    /// <summary>Why this is no frame of the expected sender in this generation, or null when it is.</summary>
    public readonly RejectionCause? StrangerTo(in FrameHeader due)
    {
        if (_magic != Mark || _version != CurrentVersion || _check != Check()) return RejectionCause.Malformed;
        if (_run != due._run) return RejectionCause.WrongRun;
        if (_generation != due._generation) return RejectionCause.WrongGeneration;
        return _incarnation == due._incarnation && _rank == due._rank ? null : RejectionCause.WrongIncarnation;
    }

    private readonly uint Check()
    {
        FrameHeader copy = this;
        copy._check = 0;
        uint check = ~0u;
        foreach (ulong word in MemoryMarshal.Cast<FrameHeader, ulong>(new ReadOnlySpan<FrameHeader>(in copy))) check = BitOperations.Crc32C(check, word);
        return check;
    }
}
