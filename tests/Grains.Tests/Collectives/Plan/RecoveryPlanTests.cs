using Spikeformer.Collectives.Plan;
using Spikeformer.Numerics;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives.Plan;

public sealed class RecoveryPlanTests
{
    /// <summary>Three members owned 3, 3 and 2 shards, and the last one died after all had computed. The new owner computes its node [6, 8) again.</summary>
    [Fact]
    public void Only_shards_that_nobody_kept_are_computed_again_by_their_new_owner()
    {
        RecoveryPlan recovery = RecoveryPlan.Of(Plan(4, 8), [SummationTree.Cover(0, 3, 8), SummationTree.Cover(3, 6, 8)], isCoupled: false)!;
        Assert.Equal(
            [new(new(1, 0), 0), new(new(0, 2), 0), new(new(0, 3), 1), new(new(1, 2), 1), new(new(1, 3), 1)],
            recovery.Contributions.All);
        Assert.Equal(6, recovery.KeptShards);
        Assert.DoesNotContain(new(1, 3), recovery.Kept);
    }

    [Fact]
    public void A_node_that_two_members_hold_has_one_contributor()
    {
        RecoveryPlan recovery = RecoveryPlan.Of(Plan(2, 4), [[new(1, 0), new(0, 3)], [new(1, 0), new(0, 1), new(1, 1)]], isCoupled: true)!;
        Assert.Equal([new(new(1, 0), 0), new(new(1, 1), 1)], recovery.Contributions.All);
    }

    [Fact]
    public void Coupled_shards_are_all_kept_or_all_computed_again()
    {
        Assert.Null(RecoveryPlan.Of(Plan(2, 4), [[new(1, 0)], [new(0, 2)]], isCoupled: true));
        Assert.Equal(4, RecoveryPlan.Of(Plan(2, 4), [[new(1, 0)], [new(1, 1)]], isCoupled: true)!.KeptShards);
        Assert.Equal(3, RecoveryPlan.Of(Plan(2, 4), [[new(1, 0)], [new(0, 2)]], isCoupled: false)!.KeptShards);
    }

    [Fact]
    public void Without_kept_sums_there_is_no_plan() => Assert.Null(RecoveryPlan.Of(Plan(1, 4), [[], []], isCoupled: false));

    /// <summary>For random blocks before and after, and random losses: the contributions cover every shard once, a kept node is contributed by its
    /// holder and any other node by the owner of all its shards, and no kept node lies below a computed one.</summary>
    [Fact]
    public void Any_losses_give_a_plan_that_covers_every_shard_once()
    {
        var random = new Random(11);
        for (int round = 0; round < 2000; round++)
        {
            int shards = random.Next(1, 20), before = random.Next(1, shards + 1), now = random.Next(1, shards + 1);
            int[] cuts = Cuts(random, shards, before);
            var held = Enumerable.Range(0, now).Select(_ => new List<TreeNode>()).ToArray();
            for (int block = 0; block < before; block++)
                if (random.Next(3) > 0) held[random.Next(now)].AddRange(SummationTree.Cover(cuts[block], cuts[block + 1], shards));
            GroupPlan plan = Plan(Cuts(random, shards, now));
            if (RecoveryPlan.Of(plan, held, isCoupled: false) is not { } recovery)
            {
                Assert.All(held, nodes => Assert.Empty(nodes));
                continue;
            }
            // The constructor of Contributions has checked that they cover every shard once.
            foreach ((TreeNode node, int rank) in recovery.Contributions.All)
                if (recovery.Kept.Contains(node)) Assert.Contains(node, held[rank]);
                else
                {
                    Assert.InRange(node.First, plan.Members[rank].FirstShard, plan.Members[rank].EndShard - 1);
                    Assert.InRange(node.End(shards), plan.Members[rank].FirstShard + 1, plan.Members[rank].EndShard);
                    Assert.DoesNotContain(held.SelectMany(nodes => nodes), kept => kept.First >= node.First && kept.End(shards) <= node.End(shards));
                }
            Assert.Equal(held.Sum(nodes => nodes.Sum(node => node.End(shards) - node.First)), recovery.KeptShards);
        }
    }

    private static int[] Cuts(Random random, int shards, int blocks)
    {
        int[] inner = [.. Enumerable.Range(1, shards - 1)];
        random.Shuffle(inner);
        return [0, .. inner.Take(blocks - 1).Order(), shards];
    }

    private static GroupPlan Plan(params int[] ends) => ends[0] == 0 ? Of(ends) : Of([0, .. ends]);

    private static GroupPlan Of(int[] cuts) => new()
    {
        RunHash = 1, GenerationNumber = 2, GenerationNonce = Guid.NewGuid(), Shards = cuts[^1], OwnRank = 0, Secret = new byte[32],
        Members = [.. Enumerable.Range(0, cuts.Length - 1).Select(rank => new GroupMember($"w{rank}", 1, "host", "localhost", 1, cuts[rank], cuts[rank + 1]))],
    };
}
