using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;

namespace Spikeformer.Collectives.Connections;

/// <summary>Another member of the group: its connections, and the state of the current transfer with it.</summary>
internal sealed class Peer(int rank, FrameHeader header, ControlChannel control) : IDisposable
{
    public int Rank => rank;

    /// <summary>The fields that all frames of this peer have in common.</summary>
    public FrameHeader Header => header;

    public ControlChannel Control => control;

    /// <summary>The data link; set once, while the group is connected.</summary>
    public Link Link { get; set; } = null!;

    /// <summary>Whether it has said goodbye. The end of its connections is then not a loss.</summary>
    public bool HasLeft { get; set; }

    /// <summary>Whether the previous watch had already seen the goodbye.</summary>
    public bool HadLeft { get; set; }

    /// <summary>Whether its control connection has ended after a goodbye.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Time of its last sign of life, and the data received by then.</summary>
    public (long Time, long Bytes) Heard { get; set; }

    /// <summary>Whether it has entered the current transfer.</summary>
    public bool HasBegun { get; set; }

    /// <summary>Whether the current transfer waits for this peer's data.</summary>
    public bool AwaitsReceive { get; set; }

    /// <summary>Whether the current transfer waits until this peer takes data.</summary>
    public bool AwaitsSend { get; set; }

    /// <summary>The next frame of a reduction in each direction.</summary>
    public FrameSequence Outgoing, Incoming;

    /// <summary>Number of tree nodes of the current block that have arrived.</summary>
    public int ArrivedNodes { get; set; }

    /// <summary>Bytes of an exchange's message sent to this peer.</summary>
    public long Sent { get; set; }

    /// <summary>Bytes of this peer's message received.</summary>
    public long Received { get; set; }

    public void Dispose()
    {
        Link?.Dispose();
        control.Dispose();
    }
}
