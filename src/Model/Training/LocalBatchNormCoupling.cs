using Spikeformer.Network;
using Spikeformer.Numerics;

namespace Spikeformer.Training;

/// <summary>Couples BatchNorm when one process computes every shard of the step: the summation tree over the shards that have samples.</summary>
/// <param name="shards">V.</param>
/// <param name="filled">Shards that have samples, ascending: the order of the group.</param>
public sealed class LocalBatchNormCoupling(int shards, IReadOnlyList<int> filled) : IBatchNormCoupling
{
    /// <inheritdoc/>
    public BatchMoments Merge(BatchNormLayer layer, IReadOnlyList<BatchMoments> own) => Fold(own, BatchMoments.Merge);

    /// <inheritdoc/>
    public GradientSums Merge(BatchNormLayer layer, IReadOnlyList<GradientSums> own) => Fold(own, GradientSums.Add);

    private T Fold<T>(IReadOnlyList<T> own, Func<T, T, T> add) where T : class
    {
        var leaves = new T?[shards];
        for (int i = 0; i < filled.Count; i++) leaves[filled[i]] = own[i];
        return SummationTree.Fold(leaves, add)!;
    }
}
