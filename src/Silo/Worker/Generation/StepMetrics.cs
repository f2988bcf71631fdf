using System.Globalization;
using Spikeformer.Metrics;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>Measures the steps of one generation, and the time that each part of them takes. For the compute thread.</summary>
internal sealed class StepMetrics(TimeProvider time)
{
    private static readonly IGrouping<string, StepPart>[] s_phases = [.. Enum.GetValues<StepPart>().GroupBy(part => StepPartNames.Of(part).Metric)];
    private static readonly string s_betweenSteps = StepPartNames.Of(StepPart.Save).Metric;

    private readonly long[] _ticks = new long[Enum.GetValues<StepPart>().Length];
    private readonly double[] _recorded = new double[s_phases.Length];
    private StepPart _part = StepPart.Tell;
    private long _began = time.GetTimestamp(), _steps, _bytes;

    /// <summary>Makes the counters of rare events appear as zero: a counter that appears with its first count hides that count from <c>rate()</c>.</summary>
    public static void ShowCounters()
    {
        Catalogue.DigestMismatches.Add(0);
        foreach (RejectionCause cause in Enum.GetValues<RejectionCause>()) Catalogue.Rejected.Add(0, cause.ToString());
    }

    /// <summary>Begins a part, and ends the one before.</summary>
    public void Begin(StepPart part)
    {
        long now = time.GetTimestamp();
        _ticks[(int)_part] += now - _began;
        (_part, _began) = (part, now);
    }

    /// <summary>Measures a committed step.</summary>
    /// <param name="plan">The step.</param>
    /// <param name="reduced">The vector that was applied.</param>
    /// <param name="bytes">Bytes received over the generation's data plane.</param>
    public void Committed(StepPlan plan, StepVector reduced, long bytes)
    {
        double whole = 0;
        for (int i = 0; i < s_phases.Length; i++)
        {
            double seconds = s_phases[i].Sum(Seconds) - _recorded[i];
            _recorded[i] += seconds;
            if (s_phases[i].Key != s_betweenSteps) whole += seconds;
            else if (seconds == 0) continue;
            Catalogue.StepPhaseDuration.Record(seconds, s_phases[i].Key);
        }
        Catalogue.StepDuration.Record(whole);
        Catalogue.AllReduceBytes.Add(bytes - _bytes, "received");
        Catalogue.LedgerGaps.Add(reduced.LedgerSum == LedgerSum(plan) ? 0 : 1);
        _bytes = bytes;
        _steps++;
    }

    /// <summary>"790 steps in 52.1 s: compute 88.0 %, reduce 9.1 %, ...", including the part under way.</summary>
    public override string ToString()
    {
        Begin(_part);
        double total = Enum.GetValues<StepPart>().Sum(Seconds);
        IEnumerable<string> parts = from part in Enum.GetValues<StepPart>()
                                    orderby Seconds(part) descending
                                    select string.Create(CultureInfo.InvariantCulture, $"{part.ToString().ToLowerInvariant()} {100 * Seconds(part) / Math.Max(total, 1e-9):0.00} %");
        return string.Create(CultureInfo.InvariantCulture, $"{_steps} steps in {total:0.0} s: {string.Join(", ", parts)}");
    }

    private double Seconds(StepPart part) => time.GetElapsedTime(0, _ticks[(int)part]).TotalSeconds;

    /// <summary>The ledger sum that a step must have, as every worker can compute it.</summary>
    private static ulong LedgerSum(StepPlan plan)
    {
        ulong sum = 0;
        for (int shard = 0; shard < plan.Shards; shard++) sum += Ledger.Sum(plan.Epoch, plan.Samples(shard));
        return sum;
    }
}
