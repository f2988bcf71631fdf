using Spikeformer.Autograd;
using Spikeformer.Network;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests;

public sealed class ConvolutionTests
{
    [Theory]
    [InlineData(8, 8, 6, 3, 1)]
    [InlineData(2, 8, 12, 3, 2)]
    [InlineData(4, 12, 6, 5, 2)]
    [InlineData(16, 32, 6, 3, 1)]
    public void Gradients_do_not_depend_on_what_memory_held_before(int inputs, int outputs, int side, int kernel, int stride)
    {
        LibTorch.UseOnThisThread(1);
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor x = randn([12, inputs, side, side], generator: generator), weight = randn([outputs, inputs, kernel, kernel], generator: generator);
        (Tensor expectedX, Tensor expectedWeight) = Gradients(x.to(ScalarType.Float64), weight.to(ScalarType.Float64), kernel, stride);
        for (int repetition = 0; repetition < 20; repetition++)
        {
            using var inner = NewDisposeScope();
            for (int i = 0; i < 12; i++)
                using (full([12, Math.Max(inputs, outputs) * (i + 1), side * side], float.NaN)) { }
            (Tensor actualX, Tensor actualWeight) = Gradients(x, weight, kernel, stride);
            AssertClose(expectedX, actualX);
            AssertClose(expectedWeight, actualWeight);
        }
    }

    private static (Tensor X, Tensor Weight) Gradients(Tensor x, Tensor weight, int kernel, int stride)
    {
        Tensor leaf = x.clone().requires_grad_(true), weightLeaf = weight.clone().requires_grad_(true);
        Tensor y = Convolution.Apply(leaf, weightLeaf, stride, kernel / 2);
        Differentiation.Backward([y], [ones_like(y)]);
        return (leaf.grad!, weightLeaf.grad!);
    }

    private static void AssertClose(Tensor expected, Tensor actual)
    {
        double worst = (expected - actual.to(ScalarType.Float64)).abs().max().item<double>();
        Assert.True(worst < 1e-3, $"the gradient is off by {worst}");
    }
}
