namespace Spikeformer.Collectives.Plan;

/// <summary>Why a group was sealed.</summary>
/// <param name="Reason">What was observed.</param>
/// <param name="Suspects">Ranks that are probably lost, ascending; empty when nobody is suspected.</param>
/// <param name="Message">The observation as a sentence for people, without the final full stop.</param>
internal sealed record PeerLoss(PeerLossReason Reason, IReadOnlyList<int> Suspects, string Message);

/// <summary>
/// The group was sealed: its connections are closed, and no frame of its generation is accepted or applied any more. Partial sums are
/// unchanged; a result buffer may be partly written.
/// </summary>
internal sealed class PeerLostException(PeerLoss peerLoss, Exception? inner = null)
    : SpikeformerException(ErrorKind.Failed, peerLoss.Message, "The survivors continue in the next generation", inner)
{
    public PeerLoss PeerLoss { get; } = peerLoss;
}

/// <summary>The observation that ended a group. The values travel in abort frames.</summary>
internal enum PeerLossReason
{
    /// <summary>A peer's connection was closed or reset: its process ended.</summary>
    Closed = 1,
    /// <summary>A peer owed bytes and sent none until the progress deadline.</summary>
    NoProgress,
    /// <summary>A peer is alive, but its computation has made no progress for too long.</summary>
    Stuck,
    /// <summary>A peer sent a frame that the plan does not contain; see <see cref="Rejections"/>.</summary>
    WrongFrame,
    /// <summary>No connection to a peer was made in time.</summary>
    NotConnected,
    /// <summary>This process sealed the group: <see cref="Group.Abort"/>, a cancelled call, or a disposed group.</summary>
    AbortedHere,
    /// <summary>A peer sealed the group without suspecting anyone.</summary>
    AbortedByPeer,
}
