using Spikeformer.Checkpoints;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>A copy of the whole training state at a commit boundary.</summary>
/// <param name="Counters">Its counters.</param>
/// <param name="Progress">Averages of the current epoch, and the evaluations.</param>
/// <param name="Recent">Log lines of the last steps.</param>
/// <param name="Tensors">Weights, statistics and optimizer state in canonical order.</param>
internal sealed record StateCopy(StateCounters Counters, ProgressState Progress, IReadOnlyList<StepLine> Recent, IReadOnlyList<StateTensor> Tensors);

/// <summary>The table of contents of a copy: all that is not a tensor, and the hashes of its slices. Members that hold the same bits have the same hashes;
/// the rest differs in their own measurements.</summary>
/// <param name="Counters">The state's counters.</param>
/// <param name="Progress">Averages of the current epoch, and the evaluations.</param>
/// <param name="Recent">Log lines of the last steps.</param>
/// <param name="Hashes">XxHash128 of each slice, in order.</param>
internal sealed record SliceTable(StateCounters Counters, ProgressState Progress, IReadOnlyList<StepLine> Recent, IReadOnlyList<UInt128> Hashes)
{
    /// <summary>Committed steps of the state.</summary>
    public long Step => Counters.Step;
}

/// <summary>A copy that is lent in slices. It is hashed once, on the thread of the first borrower.</summary>
internal sealed class LentState
{
    private readonly StateCopy _copy;
    private readonly StateSlices _slices;
    private readonly Lazy<SliceTable> _table;

    public LentState(StateCopy copy, long sliceBytes)
    {
        (_copy, _slices) = (copy, new([.. copy.Tensors.Select(tensor => tensor.Spec)], sliceBytes));
        _table = new(() => new(copy.Counters, copy.Progress, copy.Recent, [.. Enumerable.Range(0, _slices.Count).Select(i => StateSlices.Hash(_slices.Parts(copy.Tensors, i)))]));
    }

    public SliceTable Table => _table.Value;

    /// <summary>The bytes of the slice with a hash, or null when there is none.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>>? Find(UInt128 hash)
    {
        for (int i = 0; i < _slices.Count; i++)
            if (Table.Hashes[i] == hash) return _slices.Parts(_copy.Tensors, i);
        return null;
    }
}
