namespace Spikeformer.Training;

/// <summary>The samples of each shard in one step: a pure function of the recipe and the step, so every worker knows the samples of every shard.</summary>
public readonly struct StepPlan
{
    private readonly int[] _order;
    private readonly int _first, _piece, _pieceSize;

    internal StepPlan(long step, int epoch, int stepInEpoch, int shards, int[] order, int first, int count, int piece = 0,
        int pieceSize = int.MaxValue)
    {
        (Step, Epoch, StepInEpoch, Shards, Count) = (step, epoch, stepInEpoch, shards, count);
        (_order, _first, _piece, _pieceSize) = (order, first, piece, pieceSize);
    }

    /// <summary>The step, from 0, counted over the whole run (or over one evaluation).</summary>
    public long Step { get; }

    /// <summary>The epoch, from 0.</summary>
    public int Epoch { get; }

    /// <summary>The step's number within its epoch, from 0.</summary>
    public int StepInEpoch { get; }

    /// <summary>The number of shards V.</summary>
    public int Shards { get; }

    /// <summary>The number of samples that the loss is averaged over: those of the global batch or, in an evaluation, of the whole split.</summary>
    public int Count { get; }

    /// <summary>Returns the samples of a shard, in order; empty if a short step has too few samples.</summary>
    /// <param name="shard">The shard, 0 to Shards-1.</param>
    /// <returns>The sample numbers within the split.</returns>
    public ReadOnlySpan<int> Samples(int shard)
    {
        var (start, end) = Slice(Count, Shards, shard);
        int from = (int)Math.Min(start + (long)_piece * _pieceSize, end);
        return _order.AsSpan(_first + from, Math.Min(end - from, _pieceSize));
    }

    /// <summary>Returns a shard's part of <paramref name="count"/> samples: from floor(v*n/V) up to but not including floor((v+1)*n/V).</summary>
    public static (int Start, int End) Slice(int count, int shards, int shard)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)shard, (uint)shards, nameof(shard));
        return ((int)((long)shard * count / shards), (int)((shard + 1L) * count / shards));
    }
}

/// <summary>A numbered sequence of steps over a split.</summary>
public interface IStepPlans
{
    /// <summary>The number of shards V.</summary>
    int Shards { get; }

    /// <summary>The number of steps; long.MaxValue for an endless sequence.</summary>
    long Steps { get; }

    /// <summary>The largest number of samples of one shard in one step.</summary>
    int MaxShardSamples { get; }

    /// <summary>Returns the plan of a step, 0 to Steps-1.</summary>
    StepPlan Plan(long step);
}
