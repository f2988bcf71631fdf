using Spikeformer.Collectives.Plan;
using Spikeformer.Metrics;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>Measures the steps of one generation. For the compute thread.</summary>
internal sealed class StepMetrics
{
    private static readonly (StepPart Part, string Phase)[] s_phases =
    [
        (StepPart.Load, "data"), (StepPart.Compute, "compute"), (StepPart.Reduce, "all_reduce"), (StepPart.Apply, "optimizer"), (StepPart.Rest, "rest"),
        (StepPart.Boundary, "boundary"),
    ];

    private readonly StepClock _clock;
    private readonly double[] _told = new double[Enum.GetValues<StepPart>().Length];
    private long _bytes;

    /// <param name="clock">Where the generation's time goes.</param>
    public StepMetrics(StepClock clock)
    {
        _clock = clock;
        // A counter that appears with its first count hides it from rate().
        Catalogue.DigestMismatches.Add(0);
        foreach (RejectionCause cause in Enum.GetValues<RejectionCause>()) Catalogue.Rejected.Add(0, cause.ToString());
    }

    /// <summary>A step was committed.</summary>
    /// <param name="plan">The step.</param>
    /// <param name="reduced">What was applied.</param>
    /// <param name="bytes">Bytes that have come over the generation's data plane.</param>
    public void Committed(StepPlan plan, StepVector reduced, long bytes)
    {
        double whole = 0;
        foreach ((StepPart part, string phase) in s_phases)
        {
            double seconds = _clock.Seconds(part) - _told[(int)part];
            _told[(int)part] += seconds;
            if (part is not StepPart.Boundary) whole += seconds;
            else if (seconds == 0) continue;
            Catalogue.StepPhaseDuration.Record(seconds, phase);
        }
        Catalogue.StepDuration.Record(whole);
        Catalogue.AllReduceBytes.Add(bytes - _bytes, "received");
        _bytes = bytes;
        Catalogue.LedgerGaps.Add(reduced.LedgerSum == Due(plan) ? 0 : 1);
    }

    /// <summary>What a step's ledger sum must be: every worker can tell.</summary>
    private static ulong Due(StepPlan plan)
    {
        ulong sum = 0;
        for (int shard = 0; shard < plan.Shards; shard++) sum += Ledger.Sum(plan.Epoch, plan.Samples(shard));
        return sum;
    }
}
