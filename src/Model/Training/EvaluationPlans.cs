namespace Spikeformer.Training;

/// <summary>The order of an evaluation: shard v takes the samples floor(v*n/V) to floor((v+1)*n/V)-1 of the split, in order, in micro-batches of at most a
/// given size. Step j is the j-th micro-batch of every shard. A shard that has finished has no samples.</summary>
public sealed class EvaluationPlans : IStepPlans
{
    private readonly int _microBatch, _epoch;
    private readonly int[] _order;

    /// <summary>Plans an evaluation.</summary>
    /// <param name="samples">The number of samples of the split.</param>
    /// <param name="shards">The number of shards V, above 0.</param>
    /// <param name="microBatch">The largest number of samples of a micro-batch, above 0.</param>
    /// <param name="epoch">The epoch before the evaluation, from 0. It keys the augmentation, if the recipe augments test samples.</param>
    public EvaluationPlans(int samples, int shards, int microBatch, int epoch = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(samples);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shards);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(microBatch);
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        (Shards, _microBatch, _epoch) = (shards, microBatch, epoch);
        _order = [.. Enumerable.Range(0, samples)];
    }

    /// <inheritdoc/>
    public int Shards { get; }

    /// <inheritdoc/>
    public long Steps => (LargestShard + _microBatch - 1) / _microBatch;

    /// <inheritdoc/>
    public int MaxShardSamples => (int)Math.Min(_microBatch, LargestShard);

    /// <summary>The first sample of the last batch when the split is divided into batches of the micro-batch's size, as in the authors' evaluation.</summary>
    public int LastBatchStart => Math.Max(_order.Length - 1, 0) / _microBatch * _microBatch;

    private long LargestShard => ((long)_order.Length + Shards - 1) / Shards;

    /// <inheritdoc/>
    public StepPlan Plan(long step)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)step, (ulong)Steps, nameof(step));
        return new(step, _epoch, (int)step, Shards, _order, 0, _order.Length, (int)step, _microBatch);
    }
}
