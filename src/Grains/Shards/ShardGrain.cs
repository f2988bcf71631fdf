using Spikeformer.Clustering;
using Spikeformer.Training;

namespace Spikeformer.Shards;

/// <inheritdoc cref="IShardGrain"/>
[ControlPlacement]
public sealed class ShardGrain : Grain, IShardGrain
{
    private ShardUpdate _newest = new() { Generation = 0 };

    /// <inheritdoc/>
    public Task Update(ShardUpdate update)
    {
        bool isOlder = update.Generation < _newest.Generation || update.Generation == _newest.Generation && update.Step < _newest.Step;
        if (!isOlder) _newest = update with { Basis = update.Basis ?? _newest.Basis };
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<ShardStatus> Status()
    {
        string key = this.GetPrimaryKeyString();
        return Task.FromResult(ShardLedger.View(int.Parse(key[(key.LastIndexOf('/') + 1)..]), _newest));
    }
}

/// <summary>The committed samples of a shard: a pure function of the committed steps.</summary>
public static class ShardLedger
{
    /// <summary>Returns the status of a shard.</summary>
    public static ShardStatus View(int shard, ShardUpdate newest)
    {
        var status = new ShardStatus { Shard = shard, Owner = newest.Owner, SecondsPerStep = newest.SecondsPerStep };
        if (newest.Basis is not { } basis) return status;
        var order = new EpochOrder(basis.Seed, basis.Samples, basis.Batch, basis.Shards);
        long committedSteps = Math.Max(newest.Step, (long)basis.StartEpoch * order.StepsPerEpoch);
        long epoch = committedSteps / order.StepsPerEpoch, first = epoch * order.StepsPerEpoch;
        var committed = new List<int>();
        for (long step = first; step < committedSteps; step++) committed.AddRange(order.Plan(step).Samples(shard));
        long inAnEpoch = 0;
        for (long step = 0; step < order.StepsPerEpoch; step++) inAnEpoch += order.Plan(step).Samples(shard).Length;
        return status with { Epoch = (int)epoch, Committed = committed.ToArray(), CommittedInAll = (epoch - basis.StartEpoch) * inAnEpoch + committed.Count };
    }
}
