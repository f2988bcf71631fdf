namespace Spikeformer.Collectives.Plan;

/// <summary>Why a generation's data plane ended.</summary>
public enum PeerLossReason
{
    /// <summary>A peer's connection was closed or reset: its process ended.</summary>
    Closed = 1,
    /// <summary>A peer owed bytes and sent none until the progress deadline.</summary>
    NoProgress,
    /// <summary>A peer is alive, and its computation has not come on for too long.</summary>
    Stuck,
    /// <summary>A peer sent something that the plan does not have; see <see cref="Rejections"/>.</summary>
    WrongFrame,
    /// <summary>A peer could not be connected in time.</summary>
    NotConnected,
    /// <summary>This process ended it: <see cref="Group.Abort"/>, a cancelled call, or a disposed group.</summary>
    AbortedHere,
    /// <summary>A peer ended it without suspecting anyone.</summary>
    AbortedByPeer,
}

/// <summary>
/// The group has come to its end: every connection is closed, and no frame of its generation will be accepted or applied any more. Own
/// partials are as they were; a result buffer may be partly written.
/// </summary>
/// <param name="suspects">Ranks that are probably lost, ascending; empty when nobody is.</param>
/// <param name="reason">What was seen.</param>
/// <param name="what">The same for people.</param>
/// <param name="inner">The cause, if another error lies behind this one.</param>
public sealed class PeerLostException(IReadOnlyList<int> suspects, PeerLossReason reason, string what, Exception? inner = null)
    : SpikeformerException(ErrorKind.Failed, what, "The survivors go on in the next generation", inner)
{
    /// <summary>Ranks that are probably lost, ascending; empty when nobody is.</summary>
    public IReadOnlyList<int> Suspects { get; } = suspects;

    /// <summary>What was seen.</summary>
    public PeerLossReason Reason { get; } = reason;
}
