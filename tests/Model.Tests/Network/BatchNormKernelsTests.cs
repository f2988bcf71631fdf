using System.IO.Hashing;
using System.Runtime.InteropServices;
using Spikeformer.Model.Tests.Devices;
using Spikeformer.Network;
using Spikeformer.Neurons;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Network;

/// <summary>BatchNorm's passes, alone and inside the neuron kernels, against float64 libtorch operations.</summary>
[Collection(nameof(ComputeThreadsTests))]
public sealed class BatchNormKernelsTests
{
    private const int Steps = 3, Frames = 7;
    private const double Decay = 0.4;

    // Numbers of channels around the 16 lanes, and enough for several tiles and blocks.
    public static TheoryData<int> Channels => [1, 2, 15, 16, 17, 33, 64, 1000];

    [Theory]
    [MemberData(nameof(Channels))]
    public void Moments_are_those_of_float64(int channels)
    {
        using var scope = NewDisposeScope();
        Tensor x = Values(channels, seed: 1);
        BatchMoments expected = SpikingNormMath.Moments(x.to(ScalarType.Float64)), actual = SpikingNormMath.Moments(x);
        Assert.Equal(Steps * Frames, actual.Count);
        AssertClose(expected.Mean, actual.Mean, 1e-12);
        AssertClose(expected.SquaredDeviations, actual.SquaredDeviations, 1e-9);
    }

    [Fact]
    public void Deviations_survive_a_mean_a_thousand_times_as_large()
    {
        using var scope = NewDisposeScope();
        Tensor x = Values(100, seed: 2) + 3000;
        AssertClose(SpikingNormMath.Moments(x.to(ScalarType.Float64)).SquaredDeviations, SpikingNormMath.Moments(x).SquaredDeviations, 1e-6);
    }

    [Theory]
    [MemberData(nameof(Channels))]
    public void Normalised_neurons_are_those_of_float64_to_rounding(int channels)
    {
        foreach (NeuronKind kind in Enum.GetValues<NeuronKind>())
        {
            using var scope = NewDisposeScope();
            var options = new NeuronOptions { Kind = kind };
            (Tensor x, Tensor dy, Tensor addend) = (Values(channels, seed: 3), Values(channels, seed: 4), Values(channels, seed: 5));
            (ChannelNorm norm, ChannelAffine affine) = Norm(channels);
            Tensor wideX = x.to(ScalarType.Float64), wideDy = dy.to(ScalarType.Float64);

            Tensor expected = SpikingNormMath.Forward(wideX, affine, Decay, options, addend.to(ScalarType.Float64));
            AssertClose(Elements(expected), Elements(SpikingNormMath.Forward(x, affine, Decay, options, addend)), 1e-6);

            (Tensor expectedGradient, GradientSums expectedSums, double expectedDecay) = SpikingNormMath.Backward(wideX, wideDy, norm, affine, Decay, options);
            (Tensor gradient, GradientSums sums, double decay) = SpikingNormMath.Backward(x, dy, norm, affine, Decay, options);
            AssertClose(Elements(expectedGradient), Elements(gradient), 1e-6);
            AssertClose(expectedSums.Plain, sums.Plain, 1e-6);
            AssertClose(expectedSums.Normalised, sums.Normalised, 1e-6);
            if (options.IsParametric) AssertClose([expectedDecay], [decay], 1e-5);

            GradientConstants constants = norm.Gradient(expectedSums);
            AssertClose(
                Elements(SpikingNormMath.InputGradient(expectedGradient, wideX, constants)), Elements(SpikingNormMath.InputGradient(gradient, x, constants)), 1e-6);
        }
    }

    /// <summary>bfloat16 is only a storage format: for inputs that it represents exactly, the result is the rounded float32 result.</summary>
    [Theory]
    [MemberData(nameof(Channels))]
    public void In_bfloat16_only_the_results_are_rounded(int channels)
    {
        using var scope = NewDisposeScope();
        var options = new NeuronOptions { Kind = NeuronKind.Pliaf };
        Tensor x = Values(channels, seed: 6).to(ScalarType.BFloat16), dy = Values(channels, seed: 7).to(ScalarType.BFloat16);
        Tensor wideX = x.to(ScalarType.Float32), wideDy = dy.to(ScalarType.Float32);
        (ChannelNorm norm, ChannelAffine affine) = Norm(channels);
        BatchMoments moments = SpikingNormMath.Moments(x), wideMoments = SpikingNormMath.Moments(wideX);
        Assert.Equal(wideMoments.Mean, moments.Mean);
        Assert.Equal(wideMoments.SquaredDeviations, moments.SquaredDeviations);

        AssertRounded(SpikingNormMath.Forward(wideX, affine, Decay, options, wideDy), SpikingNormMath.Forward(x, affine, Decay, options, dy));
        (Tensor expected, GradientSums expectedSums, double expectedDecay) = SpikingNormMath.Backward(wideX, wideDy, norm, affine, Decay, options);
        (Tensor actual, GradientSums sums, double decay) = SpikingNormMath.Backward(x, dy, norm, affine, Decay, options);
        AssertRounded(expected, actual);
        Assert.Equal(expectedSums.Plain, sums.Plain);
        Assert.Equal(expectedSums.Normalised, sums.Normalised);
        Assert.Equal(expectedDecay, decay);

        GradientConstants constants = norm.Gradient(sums);
        AssertRounded(SpikingNormMath.InputGradient(actual.to(ScalarType.Float32), wideX, constants), SpikingNormMath.InputGradient(actual, x, constants));
    }

    [Fact]
    public void NaN_stays_NaN_in_bfloat16()
    {
        using var scope = NewDisposeScope();
        (_, ChannelAffine affine) = Norm(1);
        Tensor x = full([1, 1, 1], float.NaN).to(ScalarType.BFloat16);
        Tensor y = SpikingNormMath.Forward(x, affine, Decay, new NeuronOptions { Kind = NeuronKind.Pliaf }, null);
        Assert.True(float.IsNaN(y.to(ScalarType.Float32).item<float>()));
    }

    [Fact]
    public void The_bits_do_not_depend_on_AVX512() => NarrowProcess.AssertSameDigest(Digest, The_bits_do_not_depend_on_AVX512);

    [Fact]
    public void The_bits_do_not_depend_on_the_number_of_threads() => AnyThreads.AssertSameDigest(Digest);

    private static string Digest()
    {
        var hash = new XxHash128();
        foreach (int channels in Channels.Select(data => data.Data))
            foreach (ScalarType type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16])
            {
                using var scope = NewDisposeScope();
                var options = new NeuronOptions();
                Tensor x = Values(channels, seed: 8, frames: 900).to(type), dy = Values(channels, seed: 9, frames: 900).to(type);
                (ChannelNorm norm, ChannelAffine affine) = Norm(channels);
                BatchMoments moments = SpikingNormMath.Moments(x);
                (Tensor gradient, GradientSums sums, double decay) = SpikingNormMath.Backward(x, dy, norm, affine, Decay, options);
                foreach (double[] values in (double[][])[moments.Mean, moments.SquaredDeviations, sums.Plain, sums.Normalised, [decay]])
                    hash.Append(MemoryMarshal.AsBytes<double>(values));
                foreach (Tensor values in (Tensor[])[SpikingNormMath.Forward(x, affine, Decay, options, dy), SpikingNormMath.InputGradient(gradient, x, norm.Gradient(sums))])
                    hash.Append(MemoryMarshal.AsBytes(TensorMemory.Span<float>(values.to(ScalarType.Float32))));
            }
        return Convert.ToHexString(hash.GetCurrentHash());
    }

    private static (ChannelNorm Norm, ChannelAffine Affine) Norm(int channels)
    {
        double[] mean = PerChannel(channels, 0.3), m2 = PerChannel(channels, 2.1 * Steps * Frames);
        var norm = new ChannelNorm(new BatchMoments(Steps * Frames, mean, m2), full(channels, 1.25f));
        return (norm, norm.Affine(full(channels, 0.5f)));
    }

    private static Tensor Values(int channels, int seed, int frames = Frames)
    {
        var random = new Random(seed);
        float[] values = [.. Enumerable.Range(0, Steps * frames * channels).Select(_ => (float)(random.NextDouble() * 6 - 2))];
        return tensor(values, [Steps, frames, channels]);
    }

    private static double[] PerChannel(int channels, double first) => [.. Enumerable.Range(0, channels).Select(c => first + 0.01 * (c % 100))];

    private static double[] Elements(Tensor x) => x.to(ScalarType.Float64).flatten().data<double>().ToArray();

    private static void AssertRounded(Tensor expected, Tensor actual)
    {
        Assert.Equal(ScalarType.BFloat16, actual.dtype);
        Assert.Equal(Elements(expected.to(ScalarType.BFloat16)), Elements(actual));
    }

    private static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * largest, $"element {i}: {actual[i]:R} is not {expected[i]:R}");
    }
}
