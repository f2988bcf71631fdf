using Spikeformer.Collectives.Heartbeats;
using Spikeformer.Diagnostics;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>The one instrument for a voter's steps: announces each part to the metrics, the peers, the board and the fail points of tests. For the compute
/// thread.</summary>
internal sealed class StepTrace(MemberBoard board, HeartbeatLoop pulse, TimeProvider time)
{
    private readonly StepMetrics _metrics = new(time);
    private readonly MemberProgress _progress = new(pulse, time);

    /// <summary>Begins a part, and ends the one before.</summary>
    /// <returns>Whether a test wants the caller to cause the fault that can happen here.</returns>
    public bool Begin(StepPart part, long step)
    {
        StepPartNames names = StepPartNames.Of(part);
        _metrics.Begin(part);
        if (names.Stage is { } stage) _progress.Enter(step, stage);
        if (names.Phase is { } phase) board.Enter(phase, step);
        return names.FailPoint is { } place && FailPoints.Hit(place, step);
    }

    public void ReachExchange() => _progress.ReachExchange();

    public void Committed(StepPlan plan, StepVector reduced, long bytes) => _metrics.Committed(plan, reduced, bytes);

    public override string ToString() => _metrics.ToString();
}
