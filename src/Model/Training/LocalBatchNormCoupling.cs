using Spikeformer.Network;

namespace Spikeformer.Training;

/// <summary>Couples BatchNorm within a process that computes every shard of the step, along the summation tree.</summary>
/// <param name="shards">The number of shards V.</param>
/// <param name="filled">The shards that have samples, ascending: the order of the group.</param>
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
