using Spikeformer.Collectives.Connections;

namespace Spikeformer.Collectives.Transfers;

/// <summary>A collective operation that a <see cref="TransferLoop"/> drives: it advances with each peer whenever it can.</summary>
internal interface ITransfer
{
    /// <summary>Sends and receives what can be moved now, and sets on the peer what it waits for.</summary>
    /// <returns>Whether a frame was completed.</returns>
    bool Advance(Peer peer);

    /// <summary>Does work that needs no peer.</summary>
    /// <returns>Whether there was any.</returns>
    bool Settle();

    /// <summary>Whether the operation is complete.</summary>
    bool IsDone { get; }
}
