using Spikeformer.Neurons;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>BatchNorm's constants of each channel, rounded to the parameters' type where libtorch rounds.</summary>
/// <remarks>An exact constant would not be better, and further from the reference: the error of a constant is the same in every element, so it
/// adds up in a sum over the channel, whereas rounding errors of elements average out.</remarks>
internal sealed class ChannelNorm
{
    private const double Epsilon = 1e-5;
    private readonly Func<double, double> _round;
    private readonly double _count;
    private readonly double[] _scale;

    /// <summary>Computes the constants from the moments of a batch.</summary>
    public ChannelNorm(BatchMoments moments, Tensor weight)
        : this(moments.Mean, Array.ConvertAll(moments.SquaredDeviations, m2 => m2 / moments.Count), weight) => _count = moments.Count;

    /// <summary>Computes the constants from given statistics.</summary>
    public ChannelNorm(double[] mean, double[] variance, Tensor weight)
    {
        DType = weight.dtype;
        _round = DType == ScalarType.Float32 ? value => (float)value : value => value;
        Mean = Array.ConvertAll(mean, value => _round(value));
        InverseDeviation = Array.ConvertAll(variance, value => _round(1 / Math.Sqrt(value + Epsilon)));
        _scale = TensorMemory.Values(weight);
        for (int c = 0; c < _scale.Length; c++) _scale[c] = _round(_scale[c] * InverseDeviation[c]);
    }

    /// <summary>The type of the parameters.</summary>
    public ScalarType DType { get; }

    public double[] Mean { get; }

    /// <summary>The inverse deviation r = 1 / sqrt(variance + epsilon).</summary>
    public double[] InverseDeviation { get; }

    /// <summary>Returns the normalisation, weight and bias as x * scale + shift.</summary>
    public ChannelAffine Affine(Tensor bias)
    {
        double[] shift = TensorMemory.Values(bias);
        for (int c = 0; c < shift.Length; c++) shift[c] = _round(shift[c] - Mean[c] * _scale[c]);
        return new(_scale, shift);
    }

    /// <summary>Returns the constants of the input gradient.</summary>
    /// <param name="sums">The sums over all shards that share the batch's statistics.</param>
    public GradientConstants Gradient(GradientSums sums) => new(
        Mean,
        Array.ConvertAll(sums.Plain, sum => _round(sum / _count)),
        [.. sums.Normalised.Select((sum, c) => _round(sum * InverseDeviation[c] / _count))],
        _scale);
}

/// <summary>The constants of dx = (g - Shift - (x - Mean) Slope) Scale, per channel.</summary>
internal readonly record struct GradientConstants(double[] Mean, double[] Shift, double[] Slope, double[] Scale);
