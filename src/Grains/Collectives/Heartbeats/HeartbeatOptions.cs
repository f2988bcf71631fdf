using Spikeformer.Collectives.Plan;

namespace Spikeformer.Collectives.Heartbeats;

/// <summary>How a <see cref="HeartbeatLoop"/> behaves. The handlers run on its thread or in <see cref="HeartbeatLoop.Applied"/>
/// and must return at once.</summary>
public sealed record HeartbeatOptions
{
    /// <summary>Time between two signs of life; default 100 ms.</summary>
    public TimeSpan Period { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>A peer that is silent for longer is suspected; default 2 seconds. The trainer sets <see cref="HeartbeatLoop.SilenceLimit"/>
    /// anew as step times grow.</summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A peer that is behind this rank for longer without coming on is suspected to be stuck. By default never: only the trainer knows how
    /// long its work takes.</summary>
    public TimeSpan ProgressLimit { get; init; } = TimeSpan.MaxValue;

    /// <summary>Called once per suspicion: rank, reason (<see cref="PeerLossReason.Closed"/>, <see cref="PeerLossReason.NoProgress"/> for silence, or
    /// <see cref="PeerLossReason.Stuck"/>).</summary>
    public Action<int, PeerLossReason>? Suspected { get; init; }

    /// <summary>Called when the digests of an applied step differ.</summary>
    public Action<DigestMismatchException>? Differed { get; init; }
}

/// <summary>What is known of a peer.</summary>
/// <param name="SinceHeard">Time since its last sign of life.</param>
/// <param name="SinceProgress">Time since it last came on: a live process may have a stuck compute thread.</param>
/// <param name="Step">The step that it is in.</param>
/// <param name="Progress">How far it is in the step, as given to <see cref="HeartbeatLoop.Report"/>.</param>
/// <param name="LastApplied">The last step that it has applied, or -1.</param>
public readonly record struct PeerPulse(TimeSpan SinceHeard, TimeSpan SinceProgress, long Step, int Progress, long LastApplied);

/// <summary>Members have applied different bits in one step.</summary>
/// <param name="step">The step.</param>
/// <param name="digests">Each rank's digest of it, null where it is not known (any more).</param>
public sealed class DigestMismatchException(long step, IReadOnlyList<ulong?> digests)
    : SpikeformerException(ErrorKind.CheckFailed,
        $"Step {step} was applied with different bits: {string.Join(", ", digests.Select((digest, rank) => $"rank {rank} {digest:x16}"))}",
        "The majority goes on and the others take its state")
{
    /// <summary>The step.</summary>
    public long Step { get; } = step;

    /// <summary>Each rank's digest, null where it is not known.</summary>
    public IReadOnlyList<ulong?> Digests { get; } = digests;

    /// <summary>Ranks whose digest is not the one of more than half of the members; all of them when there is none such.</summary>
    public IReadOnlyList<int> Odd { get; } =
        [.. Enumerable.Range(0, digests.Count).Where(rank => 2 * digests.Count(digest => digest is not null && digest == digests[rank]) <= digests.Count)];
}
