using Spikeformer.Collectives.Heartbeats;
using Spikeformer.Diagnostics;
using Spikeformer.Silo.Worker.Session;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>The one instrument for a voter's steps: announces the part that begins to the clock, the peers, the board and the fail points of tests. For the
/// compute thread.</summary>
/// <param name="board">The worker's board.</param>
/// <param name="pulse">Tells the peers.</param>
/// <param name="time">Monotonic clock.</param>
internal sealed class StepTrace(MemberBoard board, HeartbeatLoop pulse, TimeProvider time)
{
    private readonly StepClock _clock = new(time);
    private readonly StepMetrics _metrics = new();
    private readonly MemberProgress _progress = new(pulse, time);

    /// <summary>Begins a part, and with that ends the one before.</summary>
    /// <param name="part">The part.</param>
    /// <param name="step">The step under way.</param>
    /// <returns>Whether a test wants the caller to cause the fault that can happen here.</returns>
    public bool Begin(StepPart part, long step)
    {
        StepPartNames names = StepPartNames.Of(part);
        _clock.Begin(part);
        if (names.Stage is { } stage) _progress.Enter(step, stage);
        if (names.Phase is { } phase) board.Enter(phase, step);
        return names.FailPoint is { } place && FailPoints.Hit(place, step);
    }

    /// <summary>Announces to the peers that this member waits for them in the next exchange of the part.</summary>
    public void ReachExchange() => _progress.ReachExchange();

    /// <summary>Measures a committed step.</summary>
    /// <inheritdoc cref="StepMetrics.Committed"/>
    public void Committed(StepPlan plan, StepVector reduced, long bytes) => _metrics.Committed(_clock, plan, reduced, bytes);

    /// <summary>The shares of all parts in this generation's time.</summary>
    public override string ToString() => _clock.ToString();
}
