using System.Numerics;
using System.Runtime.InteropServices;
using Spikeformer.Numerics;

namespace Spikeformer.Collectives.Frames;

/// <summary>Purpose of a frame. The values travel in every header.</summary>
internal enum FrameKind : byte
{
    /// <summary>Data: the sender enters a reduction. The payload is its note.</summary>
    Begin = 1,
    /// <summary>Data: a block of a tree node, sent to the owner of the block.</summary>
    Scatter,
    /// <summary>Data: a block of the sum, sent by its owner.</summary>
    Gather,
    /// <summary>Data: a piece of a message to all members.</summary>
    Exchange,
    /// <summary>Data: a piece of a small reduction, which is sent whole to all members.</summary>
    SmallReduce,

    /// <summary>Control: the sender has written to the shared memory.</summary>
    Doorbell = 32,
    /// <summary>Control: the sender is alive and waits in a collective call.</summary>
    Waiting,
    /// <summary>Control: the sender seals the generation. Part is the reason; value holds a bit per suspected rank.</summary>
    Abort,
    /// <summary>Control: the sender leaves in good order and has sent all that it owed.</summary>
    Leave,
    /// <summary>Control: the first member of a host has created the shared segment (value 1) or could not (0).</summary>
    SegmentMade,
    /// <summary>Control: the sender has mapped the segment (1) or could not (0).</summary>
    SegmentMapped,
    /// <summary>Control: all members of the host use the segment (1) or none does (0).</summary>
    SegmentDecided,

    /// <summary>Heartbeat: the sender's step, and in part its progress in the step.</summary>
    Heartbeat = 64,
    /// <summary>Heartbeat: the sender has applied the step. Value is the digest.</summary>
    Applied,
}

/// <summary>
/// The 64 bytes before every payload, little-endian. A receiver derives the expected header from the plan and compares the two. It never trusts a
/// field of a received header, least of all a length.
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
    /// <summary>Tree node of a scatter frame, part of an exchange, reason of an abort, progress of a heartbeat.</summary>
    public uint Part;
    /// <summary>Position of the payload's first element (reductions) or byte (exchanges).</summary>
    public uint Offset;
    /// <summary>Length of the payload in bytes.</summary>
    public uint Length;
    private uint _checksum;
    /// <summary>Hash of the payload, if the plan asks for one. A frame without payload may carry a number instead.</summary>
    public ulong Value;

    /// <summary>Returns the fields that all frames of a member have in common.</summary>
    public static FrameHeader Of(GroupPlan plan, int rank) => new()
    {
        _magic = Mark, _version = CurrentVersion, _rank = (byte)rank, _run = plan.RunHash, _generation = plan.GenerationTag, _incarnation = plan.Members[rank].Incarnation,
    };

    /// <summary>Encodes a tree node as a part.</summary>
    public static uint PartOf(TreeNode node) => (uint)node.Level << 24 | (uint)node.Index;

    public readonly FrameHeader With(FrameKind kind, long step = 0, uint part = 0, uint offset = 0, uint length = 0, ulong value = 0)
    {
        FrameHeader header = this;
        (header.Kind, header.Step, header.Part, header.Offset, header.Length, header.Value) = (kind, step, part, offset, length, value);
        return header;
    }

    /// <summary>Sets the checksum of a header that is otherwise complete.</summary>
    public void SetChecksum() => _checksum = Checksum();

    /// <summary>Returns why this is not the expected frame, or null if it is. <see cref="Value"/> is not compared.</summary>
    public readonly RejectionCause? DifferenceFrom(in FrameHeader due)
    {
        if (SenderDifferenceFrom(due) is { } cause) return cause;
        if (Step != due.Step) return RejectionCause.WrongStep;
        if (Kind != due.Kind || Part != due.Part || Offset != due.Offset) return RejectionCause.WrongFrame;
        return Length == due.Length ? null : RejectionCause.WrongLength;
    }

    /// <summary>Returns why this is not a frame of the expected sender in this generation, or null if it is.</summary>
    public readonly RejectionCause? SenderDifferenceFrom(in FrameHeader due)
    {
        if (_magic != Mark || _version != CurrentVersion || _checksum != Checksum()) return RejectionCause.Malformed;
        if (_run != due._run) return RejectionCause.WrongRun;
        if (_generation != due._generation) return RejectionCause.WrongGeneration;
        return _incarnation == due._incarnation && _rank == due._rank ? null : RejectionCause.WrongIncarnation;
    }

    private readonly uint Checksum()
    {
        FrameHeader copy = this;
        copy._checksum = 0;
        uint sum = ~0u;
        foreach (ulong word in MemoryMarshal.Cast<FrameHeader, ulong>(new ReadOnlySpan<FrameHeader>(in copy))) sum = BitOperations.Crc32C(sum, word);
        return sum;
    }
}
