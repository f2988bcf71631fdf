namespace Spikeformer.Training;

/// <summary>The samples of some shards for one step, in memory that <see cref="BatchLoader"/> lends: dispose to give it back.</summary>
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

    /// <summary>Which samples of the step every shard takes.</summary>
    public StepPlan Plan { get; }

    /// <summary>The step as the engine names it.</summary>
    public StepIdentity Identity => new(Plan.Step, Plan.Epoch, Plan.Count);

    /// <summary>One input per shard that was asked for, in that order. Tensors are on the CPU, float32 [B,T,C,H,W] and int64 [B], null
    /// where a shard has no samples; they belong to the loader and are valid until this object is disposed.</summary>
    public IReadOnlyList<ShardInput> Inputs => _inputs;

    /// <summary>Gives the memory back; the tensors must no longer be used.</summary>
    public void Dispose() => _loader.Return(this);

    // The rest is the loader's; all of it but IsAbandoned is guarded by the loader's lock.
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

    /// <summary>Nobody will ask for it any more: slots that no thread has begun count as done.</summary>
    internal void Abandon()
    {
        _abandoned = true;
        _done += Shards.Length - _claimed;
        _claimed = Shards.Length;
    }
}
