namespace Spikeformer.Training;

/// <summary>The order of training. Every epoch is a permutation of the training split, drawn from (seed, epoch) and divided into global batches; the last step
/// of an epoch takes the remaining samples. There is no padding and no repetition: for any number of shards, an epoch contains every sample exactly
/// once.</summary>
/// <remarks>A pure function of its arguments. Thread-safe.</remarks>
public sealed class EpochOrder : IStepPlans
{
    private readonly ulong _seed;
    private readonly int _samples, _batch;
    private volatile Permutation? _last;

    private sealed record Permutation(int Epoch, int[] Order);

    /// <summary>Plans a run.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="samples">The number of training samples, above 0.</param>
    /// <param name="batch">The number of samples per step over all shards, above 0.</param>
    /// <param name="shards">The number of shards V, above 0.</param>
    public EpochOrder(ulong seed, int samples, int batch, int shards)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(samples);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shards);
        (_seed, _samples, _batch, Shards) = (seed, samples, batch, shards);
        StepsPerEpoch = (int)(((long)samples + batch - 1) / batch);
    }

    /// <inheritdoc/>
    public int Shards { get; }

    /// <summary>The number of steps of an epoch: samples / batch, rounded up.</summary>
    public int StepsPerEpoch { get; }

    /// <inheritdoc/>
    public long Steps => long.MaxValue;

    /// <inheritdoc/>
    public int MaxShardSamples => (int)(((long)Math.Min(_batch, _samples) + Shards - 1) / Shards);

    /// <inheritdoc/>
    public StepPlan Plan(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        int epoch = checked((int)(step / StepsPerEpoch)), stepInEpoch = (int)(step % StepsPerEpoch);
        int first = stepInEpoch * _batch;
        return new(step, epoch, stepInEpoch, Shards, Order(epoch), first, Math.Min(_batch, _samples - first));
    }

    private int[] Order(int epoch)
    {
        var last = _last;
        if (last?.Epoch != epoch)
            _last = last = new(epoch, new KeyedRandom(_seed, RandomPurpose.EpochOrder, epoch).Permutation(_samples));
        return last.Order;
    }
}
