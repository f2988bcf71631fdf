namespace Spikeformer.Collectives.Plan;

/// <summary>
/// The group was sealed: its connections are closed, and no frame of its generation is accepted or applied any more. Partial sums are
/// unchanged; a result buffer may be partly written.
/// </summary>
/// <param name="peerLoss">Why the group was sealed.</param>
/// <param name="inner">The cause, if another error lies behind this one.</param>
internal sealed class PeerLostException(PeerLoss peerLoss, Exception? inner = null)
    : SpikeformerException(ErrorKind.Failed, peerLoss.Message, "The survivors continue in the next generation", inner)
{
    /// <summary>Why the group was sealed.</summary>
    public PeerLoss PeerLoss { get; } = peerLoss;
}
