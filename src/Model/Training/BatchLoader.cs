using System.Runtime.ExceptionServices;
using Spikeformer.Data;

namespace Spikeformer.Training;

/// <summary>Reads the samples of steps ahead of their use, on its own threads, into pooled native memory. A batch depends only on the step and the list of
/// shards, not on earlier requests, the number of threads, or timing.</summary>
/// <remarks>The loader reads ahead for the same shards. A request for another step or other shards, after a resume or a new generation plan, only
/// discards the steps that were read ahead. One thread makes the requests; any thread may dispose batches.</remarks>
public sealed class BatchLoader : IDisposable
{
    private readonly IDataset _dataset;
    private readonly Split _split;
    private readonly IStepPlans _plans;
    private readonly ulong? _augmentationSeed;
    /// <summary>How many steps are read before they are asked for, unless a caller chooses otherwise.</summary>
    public const int DefaultReadAhead = 2;

    private readonly int _readAhead;
    private readonly Thread[] _threads;

    private readonly object _gate = new();
    private readonly Queue<StepBatch> _ahead = new();
    private readonly Stack<ShardBuffer> _spare = new();
    private int[]? _shards;
    private long _next;
    private volatile bool _stopping;

    /// <summary>Starts the threads, which wait for the first <see cref="Load"/>.</summary>
    /// <param name="dataset">The data set; must outlive the loader.</param>
    /// <param name="split">The part of the data set to read.</param>
    /// <param name="plans">The samples of each step.</param>
    /// <param name="augmentationSeed">The run's seed: sample i of epoch e is augmented with the random stream (seed, Augmentation, e, i). Null reads
    /// samples without augmentation.</param>
    /// <param name="readAhead">The number of steps to read ahead, at least 1.</param>
    /// <param name="threads">The number of reading threads, at least 1.</param>
    public BatchLoader(IDataset dataset, Split split, IStepPlans plans, ulong? augmentationSeed, int readAhead = DefaultReadAhead, int threads = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(readAhead);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        (_dataset, _split, _plans, _augmentationSeed, _readAhead) = (dataset, split, plans, augmentationSeed, readAhead);
        _threads = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            _threads[i] = new(ReadAhead) { IsBackground = true, Name = $"batch loader {i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Returns the samples of a step. Waits for them if needed, and then reads ahead from there.</summary>
    /// <param name="step">The step, 0 to the plans' Steps-1.</param>
    /// <param name="shards">The shards, in any order, each 0 to V-1.</param>
    /// <returns>One input per shard, in the order of the request. The caller disposes the batch, whose memory is then reused.</returns>
    /// <exception cref="SpikeformerException">A sample of this step could not be read: the error of the data set. A repeated request tries again.</exception>
    /// <exception cref="ObjectDisposedException">The loader is disposed.</exception>
    public StepBatch Load(long step, ReadOnlySpan<int> shards)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)step, (ulong)_plans.Steps, nameof(step));
        foreach (int shard in shards)
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)shard, (uint)_plans.Shards, nameof(shards));
        StepBatch batch;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            long coming = _ahead.TryPeek(out var first) ? first.Plan.Step : _next;
            if (coming != step || !shards.SequenceEqual(_shards) || _shards is null) Seek(step, shards.ToArray());
            while (!(_ahead.TryPeek(out first) && first.IsComplete))
            {
                Monitor.Wait(_gate);
                ObjectDisposedException.ThrowIf(_stopping, this);
            }
            batch = _ahead.Dequeue();
            Monitor.PulseAll(_gate);
        }
        if (batch.Failure is not { } failure) return batch;
        batch.Dispose();
        ExceptionDispatchInfo.Throw(failure);
        throw failure;
    }

    /// <summary>Stops the threads, after at most one more sample each, and frees the memory. Batches still in use are freed when they are disposed.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }
        foreach (var thread in _threads) thread.Join();
        lock (_gate)
        {
            while (_ahead.TryDequeue(out var batch)) Recycle(batch);
            while (_spare.TryPop(out var buffer)) buffer.Dispose();
        }
    }

    internal void Return(StepBatch batch)
    {
        lock (_gate)
        {
            if (batch.IsReturned) return;
            batch.IsReturned = true;
            Recycle(batch);
        }
    }

    private void Seek(long step, int[] shards)
    {
        foreach (var batch in _ahead)
        {
            batch.Abandon();
            if (batch.IsComplete) Recycle(batch);
        }
        _ahead.Clear();
        (_next, _shards) = (step, shards);
        Monitor.PulseAll(_gate);
    }

    private void ReadAhead()
    {
        while (true)
        {
            StepBatch? batch;
            int slot;
            lock (_gate)
            {
                while (!TryClaim(out batch, out slot) && !_stopping) Monitor.Wait(_gate);
                if (_stopping) return;
            }
            ShardInput input = default;
            Exception? failure = null;
            try
            {
                input = ReadShard(batch!, slot);
            }
            catch (Exception e)
            {
                failure = e; // Thrown by Load.
            }
            lock (_gate)
            {
                batch!.Finish(slot, input, failure);
                if (batch.IsAbandoned && batch.IsComplete) Recycle(batch);
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Claims the earliest shard that no thread reads yet. Starts another step if there is room.</summary>
    private bool TryClaim(out StepBatch? batch, out int slot)
    {
        foreach (var begun in _ahead)
        {
            batch = begun;
            if (begun.TryClaim(out slot)) return true;
        }
        while (_shards is not null && _ahead.Count < _readAhead && _next < _plans.Steps)
        {
            batch = new(this, _plans.Plan(_next++), _shards);
            _ahead.Enqueue(batch);
            if (batch.TryClaim(out slot)) return true;
            Monitor.PulseAll(_gate); // A step without shards is already complete.
        }
        (batch, slot) = (null, 0);
        return false;
    }

    private ShardInput ReadShard(StepBatch batch, int slot)
    {
        int shard = batch.Shards[slot];
        int[] samples = batch.Plan.Samples(shard).ToArray();
        if (samples.Length == 0) return new(shard, samples, null, null);
        var buffer = batch.Buffers[slot] = Rent();
        for (int i = 0; i < samples.Length && !batch.IsAbandoned && !_stopping; i++)
        {
            KeyedRandom? augmentation = _augmentationSeed is { } seed
                ? new KeyedRandom(seed, RandomPurpose.Augmentation, batch.Plan.Epoch, samples[i])
                : null;
            _dataset.Read(_split, samples[i], augmentation, buffer.Frames(i));
            buffer.SetLabel(i, _dataset.Label(_split, samples[i]));
        }
        return buffer.Input(shard, samples);
    }

    private ShardBuffer Rent()
    {
        lock (_gate)
            if (_spare.TryPop(out var spare)) return spare;
        return new(_plans.MaxShardSamples, _dataset.Shape);
    }

    private void Recycle(StepBatch batch)
    {
        foreach (ref ShardBuffer? buffer in batch.Buffers.AsSpan())
        {
            if (buffer is null) continue;
            if (_stopping) buffer.Dispose();
            else _spare.Push(buffer);
            buffer = null;
        }
    }
}
