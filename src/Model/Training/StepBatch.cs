namespace Spikeformer.Training;

/// <summary>The samples of some shards for one step, in memory that belongs to a <see cref="BatchLoader"/>. Dispose it to return the memory.</summary>
public sealed class StepBatch : IDisposable
{
    private readonly BatchLoader _loader;
    private readonly ShardInput[] _inputs;
    private readonly Exception?[] _failures;
    private int _claimed, _done;
    private volatile bool _abandoned;

    internal StepBatch(BatchLoader loader, StepPlan plan, int[] shards)
    {
        (_loader, Plan, Shards) = (loader, plan, shards);
        (_inputs, _failures, Buffers) = (new ShardInput[shards.Length], new Exception?[shards.Length], new ShardBuffer?[shards.Length]);
    }

    /// <summary>The samples of every shard in the step.</summary>
    public StepPlan Plan { get; }

    /// <summary>The identity of the step, for the engine.</summary>
    public StepIdentity Identity => new(Plan.Step, Plan.Epoch, Plan.Count);

    /// <summary>One input per requested shard, in the order of the request. Tensors are on the CPU, float32 [B,T,C,H,W] and int64 [B], or null if a
    /// shard has no samples. They belong to the loader and are valid until this batch is disposed.</summary>
    public IReadOnlyList<ShardInput> Inputs => _inputs;

    /// <summary>Returns the memory to the loader. The tensors must no longer be used.</summary>
    public void Dispose() => _loader.Return(this);

    // The remaining members are for the loader. Its lock guards all of them except IsAbandoned.
    internal int[] Shards { get; }

    internal ShardBuffer?[] Buffers { get; }

    internal bool IsReturned { get; set; }

    internal bool IsAbandoned => _abandoned;

    internal bool IsComplete => _done == Shards.Length;

    internal Exception? Failure => _failures.FirstOrDefault(failure => failure is not null);

    internal bool TryClaim(out int slot)
    {
        slot = _claimed;
        if (_claimed == Shards.Length) return false;
        _claimed++;
        return true;
    }

    internal void Finish(int slot, ShardInput input, Exception? failure)
    {
        (_inputs[slot], _failures[slot]) = (input, failure);
        _done++;
    }

    /// <summary>Marks a batch that will not be requested. Slots that no thread has started count as done.</summary>
    internal void Abandon()
    {
        _abandoned = true;
        _done += Shards.Length - _claimed;
        _claimed = Shards.Length;
    }
}
