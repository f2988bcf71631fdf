using FsCheck;
using FsCheck.Xunit;
using Spikeformer.Contracts;
using Spikeformer.Shards;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Grains.Tests.Shards;

public sealed class ShardLedgerTests
{
    [Property(MaxTest = 200)]
    public void The_shards_together_hold_every_committed_sample_once(ulong seed, byte samples, byte batch, byte shards, byte committed, byte start)
    {
        var basis = new LedgerBasis { Seed = seed, Samples = samples % 150 + 1, Batch = batch % 40 + 1, Shards = shards % 9 + 1, StartEpoch = start % 3 };
        var order = new EpochOrder(seed, basis.Samples, basis.Batch, basis.Shards);
        long step = (long)basis.StartEpoch * order.StepsPerEpoch + committed;
        ShardStatus[] all = [.. Enumerable.Range(0, basis.Shards).Select(v => View(v, step, basis))];

        int epoch = (int)(step / order.StepsPerEpoch), inEpoch = (int)(step % order.StepsPerEpoch);
        Assert.All(all, shard => Assert.Equal(epoch, shard.Epoch));
        int[] held = [.. all.SelectMany(shard => shard.Committed)];
        var whole = new EpochOrder(seed, basis.Samples, basis.Batch, shards: 1);
        int[] expected = [.. Enumerable.Range(0, inEpoch).SelectMany(i => whole.Plan((long)epoch * order.StepsPerEpoch + i).Samples(0).ToArray())];
        Assert.Equal(expected.Order(), held.Order());
        Assert.Equal(Ledger.Sum(epoch, expected), all.Aggregate(0ul, (sum, shard) => sum + Ledger.Sum(epoch, [.. shard.Committed])));
        Assert.Equal((long)(epoch - basis.StartEpoch) * basis.Samples + held.Length, all.Sum(shard => shard.CommittedInAll));
    }

    [Fact]
    public void Just_before_its_end_an_epoch_lacks_only_its_last_step_and_then_the_next_one_begins_empty()
    {
        var basis = new LedgerBasis { Seed = 3, Samples = 10, Batch = 4, Shards = 2 };
        var order = new EpochOrder(3, 10, 4, 2);
        Assert.Equal([.. order.Plan(3).Samples(1), .. order.Plan(4).Samples(1)], View(1, 5, basis).Committed);
        ShardStatus next = View(1, 6, basis);
        Assert.Equal((2, 0, 10), (next.Epoch, next.Committed.Count, next.CommittedInAll));
    }

    [Fact]
    public void A_run_that_begins_in_a_later_epoch_has_committed_nothing_before_its_first_step()
    {
        var basis = new LedgerBasis { Seed = 3, Samples = 10, Batch = 4, Shards = 2, StartEpoch = 5 };
        ShardStatus status = View(1, 0, basis);
        Assert.Equal((5, 0, 0), (status.Epoch, status.Committed.Count, status.CommittedInAll));
    }

    [Fact]
    public void Without_a_basis_only_the_owner_is_known()
    {
        ShardStatus status = ShardLedger.View(3, new() { Generation = 1, Owner = "a", Step = 7, SecondsPerStep = 0.5 });
        Assert.Equal((3, "a", 0.5, 0, 0L), (status.Shard, status.Owner, status.SecondsPerStep, status.Epoch, status.CommittedInAll));
        Assert.Empty(status.Committed);
    }

    private static ShardStatus View(int shard, long step, LedgerBasis basis) => ShardLedger.View(shard, new() { Generation = 1, Step = step, Basis = basis });
}
