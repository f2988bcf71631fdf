using Spikeformer.Collectives.Plan;
using Spikeformer.Metrics;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>Measures the steps of one generation. For the compute thread.</summary>
internal sealed class StepMetrics
{
    private static readonly IGrouping<string, StepPart>[] s_phases = [.. Enum.GetValues<StepPart>().GroupBy(part => StepPartNames.Of(part).Metric)];
    private static readonly string s_betweenSteps = StepPartNames.Of(StepPart.Save).Metric;

    private readonly double[] _recorded = new double[s_phases.Length];
    private long _bytes;

    /// <summary>Makes the counters of rare events appear as zero: a counter that appears with its first count hides that count from <c>rate()</c>.</summary>
    public static void ShowCounters()
    {
        Catalogue.DigestMismatches.Add(0);
        foreach (RejectionCause cause in Enum.GetValues<RejectionCause>()) Catalogue.Rejected.Add(0, cause.ToString());
    }

    /// <summary>Measures a committed step.</summary>
    /// <param name="clock">The time of each part in this generation.</param>
    /// <param name="plan">The step.</param>
    /// <param name="reduced">The vector that was applied.</param>
    /// <param name="bytes">Bytes received over the generation's data plane.</param>
    public void Committed(StepClock clock, StepPlan plan, StepVector reduced, long bytes)
    {
        double whole = 0;
        for (int i = 0; i < s_phases.Length; i++)
        {
            double seconds = s_phases[i].Sum(clock.Seconds) - _recorded[i];
            _recorded[i] += seconds;
            if (s_phases[i].Key != s_betweenSteps) whole += seconds;
            else if (seconds == 0) continue;
            Catalogue.StepPhaseDuration.Record(seconds, s_phases[i].Key);
        }
        Catalogue.StepDuration.Record(whole);
        Catalogue.AllReduceBytes.Add(bytes - _bytes, "received");
        _bytes = bytes;
        Catalogue.LedgerGaps.Add(reduced.LedgerSum == LedgerSum(plan) ? 0 : 1);
    }

    /// <summary>The ledger sum that a step must have, as every worker can compute it.</summary>
    private static ulong LedgerSum(StepPlan plan)
    {
        ulong sum = 0;
        for (int shard = 0; shard < plan.Shards; shard++) sum += Ledger.Sum(plan.Epoch, plan.Samples(shard));
        return sum;
    }
}
