using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;

namespace Spikeformer.Collectives.Connections;

/// <summary>Another member of the group: the ways to it, and where a transfer with it stands.</summary>
internal sealed class Peer(int rank, FrameHeader header, ControlChannel control) : IDisposable
{
    public int Rank => rank;

    /// <summary>What all frames of this peer have in common.</summary>
    public FrameHeader Header => header;

    public ControlChannel Control => control;

    /// <summary>Set once, while the group is being connected.</summary>
    public Link Link { get; set; } = null!;

    /// <summary>Whether it has said goodbye: the end of its connections is then no loss by itself.</summary>
    public bool HasLeft { get; set; }

    /// <summary>Whether the goodbye was already heard a while ago.</summary>
    public bool IsGone { get; set; }

    /// <summary>Whether its control connection has ended after a goodbye.</summary>
    public bool HasEnded { get; set; }

    /// <summary>When something last came from it, and how much data had come by then.</summary>
    public (long Time, long Bytes) Heard { get; set; }

    /// <summary>Whether it has entered the transfer under way.</summary>
    public bool HasBegun { get; set; }

    /// <summary>What the transfer under way waits for, if anything.</summary>
    public bool AwaitsReceive { get; set; }

    /// <inheritdoc cref="AwaitsReceive"/>
    public bool AwaitsSend { get; set; }

    /// <summary>Next frame of a reduction each way.</summary>
    public FrameSequence Outgoing, Incoming;

    /// <summary>Tree nodes of the current block that have come.</summary>
    public int NodesHere { get; set; }

    /// <summary>Bytes of an exchange's messages done each way.</summary>
    public long Sent { get; set; }

    /// <inheritdoc cref="Sent"/>
    public long Received { get; set; }

    public void Dispose()
    {
        Link?.Dispose();
        control.Dispose();
    }
}
