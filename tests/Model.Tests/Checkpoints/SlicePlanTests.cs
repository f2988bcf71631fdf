using Spikeformer.Checkpoints;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

public sealed class SlicePlanTests
{
    private static TensorSpec Spec(string name, long bytes) => new(name, TensorType.U8, [bytes]);

    [Fact]
    public void Whole_tensors_fill_slices_in_order_and_groups_stay_apart()
    {
        var plan = SlicePlan.Create([Spec("a", 60), Spec("optimizer/exp_avg/a", 60), Spec("b", 40), Spec("c", 1), Spec("big", 250), Spec("d", 5)], 100);
        Assert.Equal(["model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors", "model-00003-of-00004.safetensors",
            "model-00004-of-00004.safetensors", "optimizer-00001-of-00001.safetensors"], plan.Select(slice => slice.File));
        Assert.Equal([[0, 2], [3], [4], [5], [1]], plan.Select(slice => slice.Tensors));
        Assert.Equal([100, 1, 250, 5, 60], plan.Select(slice => slice.Bytes));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20_000)]
    [InlineData(1L << 40)]
    public void Every_tensor_is_in_exactly_one_slice(long sliceBytes)
    {
        var state = States.State(1).Select(tensor => tensor.Spec).ToList();
        var plan = SlicePlan.Create(state, sliceBytes);
        Assert.Equal(Enumerable.Range(0, state.Count), plan.SelectMany(slice => slice.Tensors).Order());
        Assert.Equal(state.Sum(spec => spec.Bytes), plan.Sum(slice => slice.Bytes));
        Assert.All(plan, slice => Assert.True(slice.Bytes <= sliceBytes || slice.Tensors.Count == 1));
    }
}
