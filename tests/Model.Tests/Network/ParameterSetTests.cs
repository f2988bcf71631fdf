using Spikeformer.Autograd;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Network;

public sealed class ParameterSetTests
{
    [Fact]
    public void Sets_over_the_same_values_keep_their_gradients_apart()
    {
        using var scope = NewDisposeScope();
        var layout = new StateLayout();
        int weight = layout.AddParameter("weight", InitialValue.Zero, 2, 2);
        layout.AddParameter("other", InitialValue.Zero, 3);
        using ParameterSet values = ParameterSet.Create(layout);
        using (ParameterSet first = values.WithOwnGradient(), second = values.WithOwnGradient())
        {
            values.Values.fill_(2);
            Differentiation.Backward([first[weight].square().sum()]);
            Differentiation.Backward([first[weight].sum()]);
            Differentiation.Backward([second[weight].sum()]);

            Assert.Equal([5, 5, 5, 5, 0, 0, 0], TensorMemory.Span<float>(first.Gradient!).ToArray());
            Assert.Equal([1, 1, 1, 1, 0, 0, 0], TensorMemory.Span<float>(second.Gradient!).ToArray());
            first.ClearGradient();
            Differentiation.Backward([first[weight].sum()]);
            Assert.Equal([1, 1, 1, 1, 0, 0, 0], TensorMemory.Span<float>(first.Gradient!).ToArray());
        }
        Assert.Equal(2, TensorMemory.Span<float>(values.Values)[6]);
    }
}
