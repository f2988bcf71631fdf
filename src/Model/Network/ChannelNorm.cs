using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>What BatchNorm's elementwise passes need of each channel, rounded to the tensors' type at the points where libtorch rounds.</summary>
/// <remarks>An exact constant would be no better and further from the reference: the error of a constant is the same in every element, so
/// it adds up in the sums over a channel, where rounding of elements averages out.</remarks>
internal sealed class ChannelNorm
{
    private readonly Func<double, double> _round;

    private ChannelNorm(double[] mean, double[] inverseDeviation, double[] scale, Func<double, double> round) =>
        (Mean, InverseDeviation, Scale, _round) = (mean, inverseDeviation, scale, round);

    public double[] Mean { get; }

    /// <summary>1 / sqrt(variance + epsilon).</summary>
    public double[] InverseDeviation { get; }

    /// <summary>Weight times <see cref="InverseDeviation"/>.</summary>
    public double[] Scale { get; }

    public static ChannelNorm Of(BatchMoments moments, Tensor weight)
    {
        Func<double, double> round = weight.dtype == ScalarType.Float32 ? value => (float)value : value => value;
        double[] mean = Array.ConvertAll(moments.Mean, value => round(value));
        double[] inverse = Array.ConvertAll(moments.SquaredDeviations, m2 => round(1 / Math.Sqrt(m2 / moments.Count + BatchNorm.Epsilon)));
        double[] scale = BatchNormMath.Values(weight);
        for (int c = 0; c < scale.Length; c++) scale[c] = round(scale[c] * inverse[c]);
        return new(mean, inverse, scale, round);
    }

    /// <summary>bias - mean * scale: the output for x = 0.</summary>
    public double[] Shift(double[] bias) =>
        [.. bias.Select((value, c) => _round(value - Mean[c] * Scale[c]))];

    /// <summary>The constants of the input gradient.</summary>
    /// <param name="sums">Over everything that shares the statistics.</param>
    /// <param name="count">Values per channel of the same.</param>
    public GradientConstants Gradient(GradientSums sums, double count) => new(
        Mean,
        [.. sums.Plain.Select(sum => _round(sum / count))],
        [.. sums.Normalised.Select((sum, c) => _round(sum * InverseDeviation[c] / count))],
        Scale);
}

/// <summary>dx = (dy - Shift - (x - Mean) Slope) Scale, per channel.</summary>
internal readonly record struct GradientConstants(double[] Mean, double[] Shift, double[] Slope, double[] Scale);
