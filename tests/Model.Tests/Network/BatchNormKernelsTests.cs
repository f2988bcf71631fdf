using System.IO.Hashing;
using System.Runtime.InteropServices;
using Spikeformer.Network;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests;

public sealed class BatchNormKernelsTests
{
    private const int Groups = 3, Channels = 5;

    // Rows around the 16 lanes of the kernels: one value, padded tails, whole vectors.
    public static TheoryData<int> Rows => [1, 2, 15, 16, 17, 31, 32, 33, 100];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Moments_are_those_of_float64(int row)
    {
        using var scope = NewDisposeScope();
        Tensor x = Values(row, seed: 1);
        BatchMoments expected = BatchNormMath.Moments(x.to(ScalarType.Float64)), actual = BatchNormMath.Moments(x);
        Assert.Equal(Groups * row, actual.Count);
        AssertClose(expected.Mean, actual.Mean, 1e-12);
        AssertClose(expected.SquaredDeviations, actual.SquaredDeviations, 1e-9);
    }

    [Fact]
    public void Deviations_survive_a_mean_a_thousand_times_as_large()
    {
        using var scope = NewDisposeScope();
        Tensor x = Values(100, seed: 2) + 3000;
        AssertClose(BatchNormMath.Moments(x.to(ScalarType.Float64)).SquaredDeviations, BatchNormMath.Moments(x).SquaredDeviations, 1e-6);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Gradient_sums_are_those_of_float64(int row)
    {
        using var scope = NewDisposeScope();
        (Tensor dy, Tensor x) = (Values(row, seed: 3), Values(row, seed: 4));
        double[] mean = PerChannel(0.3), inverse = PerChannel(0.7);
        GradientSums expected = BatchNormMath.Sums(dy.to(ScalarType.Float64), x.to(ScalarType.Float64), mean, inverse);
        GradientSums actual = BatchNormMath.Sums(dy, x, mean, inverse);
        AssertClose(expected.Plain, actual.Plain, 1e-12);
        AssertClose(expected.Normalised, actual.Normalised, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Elementwise_passes_are_those_of_float64_to_rounding(int row)
    {
        using var scope = NewDisposeScope();
        (Tensor dy, Tensor x) = (Values(row, seed: 5), Values(row, seed: 6));
        (Tensor wideDy, Tensor wideX) = (dy.to(ScalarType.Float64), x.to(ScalarType.Float64));
        double[] a = PerChannel(1.3), b = PerChannel(-0.4), c = PerChannel(0.9);
        AssertClose(Elements(BatchNormMath.ScaleAndShift(wideX, a, b)), Elements(BatchNormMath.ScaleAndShift(x, a, b)), 1e-6);
        var gradient = new GradientConstants(a, b, c, PerChannel(0.2));
        AssertClose(
            Elements(BatchNormMath.InputGradient(wideDy, wideX, gradient)), Elements(BatchNormMath.InputGradient(dy, x, gradient)), 1e-6);
    }

    [Fact]
    public void The_bits_do_not_depend_on_AVX512() => NarrowProcess.AssertSameDigest(Digest, The_bits_do_not_depend_on_AVX512);

    private static string Digest()
    {
        var hash = new XxHash128();
        foreach (int row in Rows.Select(data => data.Data))
        {
            using var scope = NewDisposeScope();
            (Tensor dy, Tensor x) = (Values(row, seed: 7), Values(row, seed: 8));
            BatchMoments moments = BatchNormMath.Moments(x);
            GradientSums sums = BatchNormMath.Sums(dy, x, moments.Mean, PerChannel(0.7));
            foreach (double[] perChannel in (double[][])[moments.Mean, moments.SquaredDeviations, sums.Plain, sums.Normalised])
                hash.Append(MemoryMarshal.AsBytes<double>(perChannel));
            Tensor y = BatchNormMath.ScaleAndShift(x, PerChannel(1.3), moments.Mean);
            Tensor dx = BatchNormMath.InputGradient(dy, x, new(moments.Mean, sums.Plain, PerChannel(1.3), PerChannel(0.2)));
            hash.Append(MemoryMarshal.AsBytes(TensorMemory.Span<float>(y)));
            hash.Append(MemoryMarshal.AsBytes(TensorMemory.Span<float>(dx)));
        }
        return Convert.ToHexString(hash.GetCurrentHash());
    }

    private static Tensor Values(int row, int seed)
    {
        var random = new Random(seed);
        float[] values = [.. Enumerable.Range(0, Groups * Channels * row).Select(_ => (float)(random.NextDouble() * 6 - 2))];
        return tensor(values, [Groups, Channels, row, 1]);
    }

    private static double[] PerChannel(double first) => [.. Enumerable.Range(0, Channels).Select(c => first + 0.17 * c)];

    private static double[] Elements(Tensor x) => x.to(ScalarType.Float64).data<double>().ToArray();

    private static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * largest, $"element {i}: {actual[i]:R} is not {expected[i]:R}");
    }
}
