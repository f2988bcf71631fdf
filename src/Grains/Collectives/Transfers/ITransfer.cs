using Spikeformer.Collectives.Connections;

namespace Spikeformer.Collectives.Transfers;

/// <summary>A collective operation as the loop sees it: something that moves on with each peer whenever it can.</summary>
internal interface ITransfer
{
    /// <summary>Sends and receives what can be moved now, and says on the peer what it waits for.</summary>
    /// <returns>Whether a frame was completed.</returns>
    bool Advance(Peer peer);

    /// <summary>Does what needs no peer.</summary>
    /// <returns>Whether there was anything to do.</returns>
    bool Settle();

    /// <summary>Whether all is done.</summary>
    bool IsDone { get; }
}
