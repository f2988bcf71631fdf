using System.Globalization;

namespace Spikeformer.Benchmarks;

/// <summary>The cost of a feature per step. Steps alternate in pairs, one with the feature and one without, so that a slower machine affects both.</summary>
/// <param name="Pairs">The number of pairs of steps.</param>
/// <param name="StepMs">The median of a step without the feature, in milliseconds.</param>
/// <param name="DifferenceUs">The median over the pairs of the time with minus the time without, in microseconds.</param>
/// <param name="LowUs">The lower end of its 95 % interval, in microseconds.</param>
/// <param name="HighUs">The upper end of its 95 % interval, in microseconds.</param>
internal sealed record PairedCost(int Pairs, double StepMs, double DifferenceUs, double LowUs, double HighUs)
{
    /// <summary>Returns whether a step has the feature. The order within a pair alternates, so that neither side has an advantage.</summary>
    public static bool IsWith(int step) => (step & 1) == 0 == ((step >> 1) % 2 == 0);

    /// <summary>Compares an even number of steps.</summary>
    /// <param name="steps">The duration of each step, in microseconds.</param>
    public static PairedCost Of(IReadOnlyList<double> steps)
    {
        int pairs = steps.Count / 2;
        double[] without = new double[pairs], differences = new double[pairs];
        for (int pair = 0; pair < pairs; pair++)
        {
            (double first, double second) = (steps[2 * pair], steps[2 * pair + 1]);
            (without[pair], differences[pair]) = IsWith(2 * pair) ? (second, first - second) : (first, second - first);
        }
        Array.Sort(without);
        Array.Sort(differences);
        // The median lies between these two of the sorted values with a probability of 95 %.
        int reach = (int)Math.Ceiling(0.98 * Math.Sqrt(pairs));
        return new(pairs, without[pairs / 2] / 1000, differences[pairs / 2], differences[Math.Max(0, pairs / 2 - reach)], differences[Math.Min(pairs - 1, pairs / 2 + reach)]);
    }

    /// <summary>Returns a time as a share of the step, in percent.</summary>
    public double Percent(double microseconds) => microseconds / StepMs / 10;

    /// <summary>The headings of its table columns.</summary>
    public const string Columns = "| step, CPU ms | with - without us | 95 % interval | of a step";

    /// <summary>Returns its table columns.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"| {StepMs:F2} | {DifferenceUs:F1} | {LowUs:F1} to {HighUs:F1} | {Percent(DifferenceUs):F3} %");
}
