using System.Globalization;

namespace Spikeformer.Benchmarks;

/// <summary>What something adds to a step: steps in pairs, one with it and one without, so that a machine that slows down slows both down.</summary>
/// <param name="Pairs">Pairs of steps.</param>
/// <param name="StepMs">A step without, median, in milliseconds.</param>
/// <param name="DifferenceUs">With less without, median over the pairs, in microseconds.</param>
/// <param name="LowUs">Lower end of its 95 % interval.</param>
/// <param name="HighUs">Upper end.</param>
internal sealed record PairedCost(int Pairs, double StepMs, double DifferenceUs, double LowUs, double HighUs)
{
    /// <summary>Whether a step has it. Which one of a pair is first changes, so that neither has the better place.</summary>
    public static bool IsWith(int step) => (step & 1) == 0 == ((step >> 1) % 2 == 0);

    /// <summary>The comparison of an even number of steps.</summary>
    /// <param name="steps">What each took, in microseconds.</param>
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
        // Of sorted values, the median lies between these two with a probability of 95 %.
        int reach = (int)Math.Ceiling(0.98 * Math.Sqrt(pairs));
        return new(pairs, without[pairs / 2] / 1000, differences[pairs / 2], differences[Math.Max(0, pairs / 2 - reach)], differences[Math.Min(pairs - 1, pairs / 2 + reach)]);
    }

    /// <summary>A time as a part of the step, in percent.</summary>
    public double Percent(double microseconds) => microseconds / StepMs / 10;

    /// <summary>The heads of its columns of a table.</summary>
    public const string Columns = "| step, CPU ms | with - without us | 95 % interval | of a step";

    /// <summary>Its columns.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"| {StepMs:F2} | {DifferenceUs:F1} | {LowUs:F1} to {HighUs:F1} | {Percent(DifferenceUs):F3} %");
}
