using System.IO.Hashing;
using System.Runtime.InteropServices;
using Spikeformer.Autograd;
using Spikeformer.Devices;
using Spikeformer.Model.Tests.Devices;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Network;

/// <summary>The attention kernels against libtorch operations in float64.</summary>
[Collection(nameof(ComputeThreadsTests))]
public sealed class AttentionTests
{
    private const int Groups = 3, Heads = 2;

    // Sizes around the 16 lanes and the tiles of 4 rows and 64 columns.
    public static MatrixTheoryData<int, int> Sizes => new([1, 3, 4, 16, 17, 81, 130], [4, 16, 20, 64]);

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Outputs_and_gradients_are_those_of_float64_to_rounding(int length, int depth)
    {
        using var scope = NewDisposeScope();
        Tensor[] expected = Run(length, depth, ScalarType.Float64, ScalarType.Float64);
        foreach ((ScalarType type, double tolerance) in (ReadOnlySpan<(ScalarType, double)>)[(ScalarType.Float32, 1e-5), (ScalarType.BFloat16, 5e-2)])
            foreach ((Tensor exact, Tensor found) in expected.Zip(Run(length, depth, ScalarType.Float32, type)))
                AssertClose(exact, found, tolerance);
    }

    [Fact]
    public void Scores_too_large_for_exp_do_not_overflow()
    {
        using var scope = NewDisposeScope();
        Tensor qkv = zeros([1, 2, 3 * 16]), y = empty([1, 2, 16]);
        qkv[0, 0, 0] = 1000;
        qkv[0, 1, 16] = 1000;
        qkv[0, 1, 32] = 7;
        AttentionKernels.Forward(qkv, y, heads: 1);
        // The first query's score is 0 for the first key and 250,000 for the second; the second query weighs both the same.
        Assert.Equal(7, y[0, 0, 0].item<float>());
        Assert.Equal(3.5f, y[0, 1, 0].item<float>());
    }

    [Fact]
    public void NaN_stays_NaN()
    {
        using var scope = NewDisposeScope();
        Tensor qkv = ones([1, 3, 3 * 4]), y = empty([1, 3, 4]);
        qkv[0, 1, 0] = float.NaN;
        AttentionKernels.Forward(qkv, y, heads: 1);
        Assert.Equal([false, true, false], Enumerable.Range(0, 3).Select(row => float.IsNaN(y[0, row, 0].item<float>())));
    }

    [Fact]
    public void The_bits_do_not_depend_on_AVX512() => NarrowProcess.AssertSameDigest(Digest, The_bits_do_not_depend_on_AVX512);

    [Fact]
    public void The_bits_do_not_depend_on_the_number_of_threads() => AnyThreads.AssertSameDigest(Digest);

    private static string Digest()
    {
        var hash = new XxHash128();
        foreach ((int length, int depth) in (ReadOnlySpan<(int, int)>)[(4, 16), (17, 20), (81, 16), (130, 64)])
            foreach (ScalarType type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16])
            {
                using var scope = NewDisposeScope();
                if (length > 128 && type == ScalarType.BFloat16) continue;
                Tensor qkv = Values([Groups, length, 3 * Heads * depth], seed: 1).to(type), dy = Values([Groups, length, Heads * depth], seed: 2).to(type);
                (Tensor y, Tensor dqkv) = (empty_like(dy), empty_like(qkv));
                AttentionKernels.Forward(qkv, y, Heads);
                AttentionKernels.Backward(qkv, dy, dqkv, Heads);
                foreach (Tensor result in (Tensor[])[y, dqkv]) hash.Append(MemoryMarshal.AsBytes(TensorMemory.Span<float>(result.to(ScalarType.Float32))));
            }
        return Convert.ToHexString(hash.GetCurrentHash());
    }

    /// <returns>Output and the gradients of input and parameters.</returns>
    private static Tensor[] Run(int length, int depth, ScalarType parameterType, ScalarType activationType)
    {
        LibTorch.UseOnThisThread(1);
        int width = Heads * depth;
        var layout = new StateLayout();
        var attention = new Attention(layout, "", width, Heads);
        using ParameterSet parameters = ParameterSet.Create(layout, parameterType);
        parameters.Values.copy_(Values([layout.ParameterCount], seed: 3).mul(0.3));
        using ParameterSet leaves = parameters.WithOwnGradient();
        Tensor x = Values([Groups, length, width], seed: 4).to(activationType).requires_grad_(true);
        Tensor y = attention.Forward(leaves, x);
        Assert.Equal(activationType, y.dtype);
        Differentiation.Backward([y], [Values([Groups, length, width], seed: 5).to(activationType)]);
        return [y.clone(), x.grad!.clone(), leaves.Gradient!.clone()];
    }

    private static Tensor Values(long[] shape, int seed)
    {
        var random = new Random(seed);
        float[] values = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, size) => product * size)).Select(_ => (float)(random.NextDouble() * 2 - 1))];
        return tensor(values, shape);
    }

    private static void AssertClose(Tensor expected, Tensor actual, double tolerance)
    {
        double worst = (expected - actual.to(ScalarType.Float64)).abs().max().item<double>(), largest = expected.abs().max().item<double>();
        Assert.True(worst <= tolerance * largest, $"off by {worst} of {largest}");
    }
}
