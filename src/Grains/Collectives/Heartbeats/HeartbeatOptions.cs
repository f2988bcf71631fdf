namespace Spikeformer.Collectives.Heartbeats;

/// <summary>Options of a <see cref="HeartbeatLoop"/>. The handlers run on its thread or in <see cref="HeartbeatLoop.Applied"/> and must return at
/// once.</summary>
internal sealed record HeartbeatOptions
{
    /// <summary>Time between two heartbeats; default 100 ms.</summary>
    public TimeSpan Period { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a peer may be silent before it is suspected; default 2 seconds. The trainer changes
    /// <see cref="HeartbeatLoop.SilenceLimit"/> when steps take longer.</summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a peer may be behind this rank without progress before it is suspected to be stuck. By default there is no limit: only the
    /// trainer knows how long its work takes.</summary>
    public TimeSpan ProgressLimit { get; init; } = TimeSpan.MaxValue;

    /// <summary>Called once per suspicion, with the rank and the reason: <see cref="PeerLossReason.Closed"/>, <see cref="PeerLossReason.NoProgress"/>
    /// for silence, or <see cref="PeerLossReason.Stuck"/>.</summary>
    public Action<int, PeerLossReason>? Suspected { get; init; }

    /// <summary>Called when the digests of an applied step differ.</summary>
    public Action<DigestMismatchException>? Differed { get; init; }
}

/// <summary>The state of a peer as its heartbeats show it.</summary>
/// <param name="SinceHeard">Time since its last frame.</param>
/// <param name="SinceProgress">Time since its last progress. The compute thread of a live process may be stuck.</param>
/// <param name="Step">Its current step.</param>
/// <param name="Progress">Its progress in the step, as given to <see cref="HeartbeatLoop.Report"/>.</param>
/// <param name="LastApplied">The last step that it has applied, or -1.</param>
internal readonly record struct PeerPulse(TimeSpan SinceHeard, TimeSpan SinceProgress, long Step, int Progress, long LastApplied);

/// <summary>Members have applied different bits in one step.</summary>
/// <param name="step">The step.</param>
/// <param name="digests">Each rank's digest of the step, null where it is unknown.</param>
internal sealed class DigestMismatchException(long step, IReadOnlyList<ulong?> digests)
    : SpikeformerException(ErrorKind.CheckFailed,
        $"Step {step} was applied with different bits: {string.Join(", ", digests.Select((digest, rank) => $"rank {rank} {digest:x16}"))}",
        "All members return to the last checkpoint")
{
    /// <summary>The step.</summary>
    public long Step { get; } = step;

    /// <summary>Each rank's digest, null where it is unknown.</summary>
    public IReadOnlyList<ulong?> Digests { get; } = digests;

    /// <summary>Ranks whose digest is not that of a majority of the members; all ranks if there is no majority.</summary>
    public IReadOnlyList<int> Suspects { get; } =
        [.. Enumerable.Range(0, digests.Count).Where(rank => 2 * digests.Count(digest => digest is not null && digest == digests[rank]) <= digests.Count)];
}
