using Spikeformer.Collectives;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Training;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

/// <summary>A worker of a trajectory with one shard, which computes steps as a voter does.</summary>
internal sealed class TrajectoryWorker(Group group, TrainingState state, Recipe recipe) : IDisposable
{
    private readonly ShardEngine _engine = new(state.Network, state.Parameters, recipe, device: null);
    private readonly StepVector _reduced = new(state.Network.Layout);

    public unsafe CommittedStep Step(int step, Tensor x, Tensor y)
    {
        int shard = group.Plan.OwnRank;
        int[] batch = [.. Enumerable.Range(0, (int)x.shape[0])];
        var plan = new StepPlan(step, 0, step, recipe.Shards, batch, 0, batch.Length);
        int[] samples = plan.Samples(shard).ToArray();
        ShardInput input = samples.Length == 0 ? new(shard, samples, null, null) : new(shard, samples, x[samples[0]..(samples[^1] + 1)], y[samples[0]..(samples[^1] + 1)]);
        var coupling = new GroupBatchNormCoupling(group, step, samples.Length == 0 ? [] : [shard]);
        if (samples.Length == 0) coupling.Follow(state.Network.Layout.BatchNorms, leader: 1 - shard);
        StepVector vector = _engine.Compute(new(step, 0, batch.Length), [input], coupling)[0];
        group.AllReduce(step, 0, [new(new TreeNode(0, shard), (nint)vector.Pointer)], _reduced.Pointer, _reduced.Values.NumberOfElements);
        return state.Apply(plan, _reduced);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _reduced.Dispose();
    }
}
