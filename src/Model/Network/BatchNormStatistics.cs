namespace Spikeformer.Network;

/// <summary>Merges the BatchNorm statistics of all shards of the global batch along the summation tree. The calls within a step have a fixed order: forward
/// through the layers, then backward.</summary>
/// <remarks>The result is the same for every distribution of the shards over workers. An exception, such as a lost peer, aborts the step.</remarks>
public interface IBatchNormCoupling
{
    /// <summary>Returns the moments of the whole global batch.</summary>
    /// <param name="layer">The BatchNorm layer.</param>
    /// <param name="own">The moments of this group's shards, in the order of the group.</param>
    BatchMoments Merge(BatchNormLayer layer, IReadOnlyList<BatchMoments> own);

    /// <summary>Returns the gradient sums of the whole global batch.</summary>
    /// <param name="layer">The BatchNorm layer.</param>
    /// <param name="own">The sums of this group's shards, in the order of the group.</param>
    GradientSums Merge(BatchNormLayer layer, IReadOnlyList<GradientSums> own);
}

/// <summary>The batch statistics of one training pass over a group of shards: merged by the coupling, and recorded for the running statistics.</summary>
/// <param name="layout">The network's BatchNorm layers.</param>
/// <param name="shards">The number of shards in the group.</param>
/// <param name="coupling">Couples the group with all other shards; if null, each shard keeps its own statistics.</param>
internal sealed class BatchNormStatistics(StateLayout layout, int shards, IBatchNormCoupling? coupling)
{
    /// <summary>The mean of each shard's batch, [shard][channel of all layers].</summary>
    public float[][] Mean { get; } = Rows(layout, shards);

    /// <summary>The unbiased variance of each shard's batch, [shard][channel of all layers].</summary>
    public float[][] Variance { get; } = Rows(layout, shards);

    public BatchMoments[] Merge(BatchNormLayer layer, BatchMoments[] own) =>
        coupling is null ? own : Enumerable.Repeat(coupling.Merge(layer, own), own.Length).ToArray();

    public GradientSums[] Merge(BatchNormLayer layer, GradientSums[] own) =>
        coupling is null ? own : Enumerable.Repeat(coupling.Merge(layer, own), own.Length).ToArray();

    public void Record(BatchNormLayer layer, int shard, BatchMoments moments)
    {
        for (int c = 0; c < layer.Channels; c++)
        {
            Mean[shard][layer.Offset + c] = (float)moments.Mean[c];
            Variance[shard][layer.Offset + c] = (float)(moments.SquaredDeviations[c] / (moments.Count - 1));
        }
    }

    private static float[][] Rows(StateLayout layout, int shards) =>
        Enumerable.Range(0, shards).Select(_ => new float[layout.StatisticsCount]).ToArray();
}
