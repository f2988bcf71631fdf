using Spikeformer.Autograd;
using Spikeformer.Devices;
using Spikeformer.Network;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Network;

/// <summary>With channels last, oneDNN computes some narrow shapes wrongly: 1x1 convolutions to 36 channels, and convolutions of a single channel.
/// The shapes that we pass to it are checked against float64, in memory with other values before.</summary>
public sealed class ConvolutionTests
{
    public static MatrixTheoryData<int, int> Channels => new([1, 2, 3, 8, 12, 16, 36, 64], [1, 4, 12, 20, 36, 64]);

    [Theory]
    [MemberData(nameof(Channels))]
    public void Outputs_and_gradients_are_those_of_float64(int inputs, int outputs)
    {
        LibTorch.UseOnThisThread(1);
        using var generator = new Generator(3);
        foreach ((int frames, int side, int kernel, int stride) in (ReadOnlySpan<(int, int, int, int)>)
            [(16, 6, 1, 1), (3, 5, 1, 1), (12, 6, 3, 1), (3, 9, 3, 2), (16, 6, 5, 1), (5, 8, 5, 2)])
        {
            using var scope = NewDisposeScope();
            Tensor x = randn([frames, 1, side, side, inputs], generator: generator), weight = randn([outputs, inputs, kernel, kernel], generator: generator);
            Tensor[] expected = Run(x.to(ScalarType.Float64), weight.to(ScalarType.Float64), kernel, stride);
            foreach ((ScalarType type, double tolerance) in (ReadOnlySpan<(ScalarType, double)>)[(ScalarType.Float32, 1e-5), (ScalarType.BFloat16, 2e-2)])
            {
                Pollute(frames * side * side, Math.Max(inputs, outputs));
                Tensor[] actual = Run(x.to(type), weight, kernel, stride);
                Assert.Equal(type, actual[0].dtype);
                foreach ((Tensor exact, Tensor found) in expected.Zip(actual)) AssertClose(exact, found, tolerance);
            }
        }
    }

    /// <returns>Output, input gradient, weight gradient.</returns>
    private static Tensor[] Run(Tensor x, Tensor weight, int kernel, int stride)
    {
        Tensor leaf = x.clone().requires_grad_(true), weightLeaf = weight.clone().requires_grad_(true);
        Tensor y = Convolution.Apply(leaf, weightLeaf, stride, kernel / 2);
        using var generator = new Generator(4);
        Differentiation.Backward([y], [randn(y.shape, generator: generator).to(y.dtype)]);
        return [y, leaf.grad!, weightLeaf.grad!];
    }

    private static void Pollute(int pixels, int channels)
    {
        for (int i = 1; i <= 12; i++)
            using (full([pixels, channels * i], float.NaN)) { }
    }

    private static void AssertClose(Tensor expected, Tensor actual, double tolerance)
    {
        Assert.Equal(expected.shape, actual.shape);
        double worst = (expected - actual.to(ScalarType.Float64)).abs().max().item<double>(), largest = expected.abs().max().item<double>();
        Assert.True(worst <= tolerance * largest, $"off by {worst} of {largest}");
    }
}
