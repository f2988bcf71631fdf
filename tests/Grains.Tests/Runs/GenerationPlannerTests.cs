using FsCheck;
using FsCheck.Xunit;
using Spikeformer.Contracts;
using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class GenerationPlannerTests
{
    [Property(MaxTest = 1000)]
    public void Stayers_keep_their_order_and_newcomers_follow_up_to_the_wanted(byte size, byte wanted, NonEmptyArray<byte> kinds)
    {
        const int V = 8;
        string[] before = [.. Enumerable.Range(0, size % V + 1).Select(i => $"w{i}")];
        GenerationPlan plan = Some.Plan(before);
        // Of the present members and some newcomers, in any order: some are lost, some restarted, some cannot vote, some leave.
        Candidate[] candidates = [.. kinds.Get.Take(16).Select((kind, i) => (kind, i)).OrderBy(one => one.kind).Where(one => one.kind % 5 != 0).Select(one =>
            Some.Candidate($"w{one.i}", incarnation: one.kind % 5 == 1 ? 2ul : 1, canVote: one.kind % 5 != 2, wantsToLeave: one.kind % 5 == 3))];
        int most = wanted % 10;

        string[] voters = Names(GenerationPlanner.Voters(plan, candidates, most, V));

        string[] able = Names([.. candidates.Where(candidate => candidate.CanVote && !candidate.WantsToLeave)]);
        string[] stayers = [.. before.Where(worker => able.Contains(worker) && candidates.Single(candidate => candidate.Info.Worker == worker).Info.Incarnation == 1)];
        Assert.Equal(stayers.Concat(able.Except(stayers)).Take(most == 0 ? V : Math.Min(most, V)), voters);
    }

    [Fact]
    public void A_member_that_is_missing_or_leaves_or_was_restarted_loses_its_place()
    {
        GenerationPlan plan = Some.Plan("a", "b", "c", "d");
        Assert.Equal(["d", "b"], Names(GenerationPlanner.Voters(plan,
            [Some.Candidate("b", incarnation: 2), Some.Candidate("c", wantsToLeave: true), Some.Candidate("d")], wanted: 0, shards: 8)));
    }

    [Fact]
    public void Nobody_votes_who_cannot() => Assert.Empty(GenerationPlanner.Voters(null, [Some.Candidate("a", canVote: false)], 0, 8));

    [Property(MaxTest = 200)]
    public void A_plan_gives_every_voter_its_rank_and_its_block(byte count)
    {
        Candidate[] voters = [.. Enumerable.Range(0, count % 8 + 1).Select(i => Some.Candidate($"w{i}", incarnation: (ulong)i + 5))];
        GenerationPlan plan = GenerationPlanner.Plan("run", 3, 8, voters, sealedThrough: 2)!;
        Assert.Equal(("run", 3, 8), (plan.Run, plan.Number, plan.Shards));
        Assert.Equal(Names(voters), plan.Members.Select(member => member.Worker));
        Assert.Equal(Enumerable.Range(0, voters.Length), plan.Members.Select(member => member.Rank));
        Assert.Equal(voters.Select(voter => (voter.Info.Incarnation, voter.Info.Address, voter.Info.HostId)),
            plan.Members.Select(member => (member.Incarnation, member.Address, member.HostId)));
        Assert.Equal(ShardBlocks.Cut(8, [.. voters.Select(voter => voter.Capacity)]), plan.Members.Select(member => (member.FirstShard, member.EndShard)));
    }

    [Fact]
    public void Every_plan_has_a_nonce_and_a_secret_of_its_own()
    {
        GenerationPlan one = Some.Plan("a"), other = Some.Plan("a");
        Assert.NotEqual(one.Nonce, other.Nonce);
        Assert.Equal(32, one.Secret.Length);
        Assert.NotEqual(one.Secret, other.Secret);
        Assert.False(one.IsSameAs(other));
        Assert.False(one.IsSameAs(one with { Number = 2 }));
        Assert.False(one.IsSameAs(null));
        Assert.True(one.IsSameAs(one with { Members = [] }));
    }

    [Fact]
    public void Shards_move_for_a_fifth_of_a_step_and_not_for_less_or_for_speeds_that_are_not_known()
    {
        GenerationPlan even = Some.Plan("a", "b");
        Candidate[] At(double a, double b) => [Some.Candidate("a") with { SecondsPerShard = a }, Some.Candidate("b") with { SecondsPerShard = b }];
        Assert.False(GenerationPlanner.IsWorthMoving(even, At(1, 1)));
        Assert.False(GenerationPlanner.IsWorthMoving(even, At(1, 1.5)));
        Assert.True(GenerationPlanner.IsWorthMoving(even, At(1, 2)));
        Assert.False(GenerationPlanner.IsWorthMoving(even, At(0, 2)));
        Assert.False(GenerationPlanner.IsWorthMoving(even, At(1, 2)[..1]));
        GenerationPlan moved = GenerationPlanner.Plan("run", 2, 8, At(1, 2), sealedThrough: 0)!;
        Assert.Equal([(0, 6), (6, 8)], moved.Members.Select(member => (member.FirstShard, member.EndShard)));
        Assert.False(GenerationPlanner.IsWorthMoving(moved, At(1, 2)));
        Assert.True(GenerationPlanner.IsWorthMoving(moved, At(2, 1)));
    }

    [Fact]
    public void Too_little_memory_makes_no_plan()
    {
        Candidate[] small = [Some.Candidate("a", capacity: 4), Some.Candidate("b", capacity: 3)];
        Assert.Null(GenerationPlanner.Plan("run", 1, 8, small, sealedThrough: 0));
        Assert.Equal(7, GenerationPlanner.Capacity(small, 8));
    }

    [Fact]
    public void A_plan_gives_no_member_more_shards_than_fit_into_its_memory_however_fast_it_is()
    {
        Candidate[] voters = [Some.Candidate("a", capacity: 2) with { SecondsPerShard = 1 }, Some.Candidate("b") with { SecondsPerShard = 9 }];
        Assert.Equal([(0, 2), (2, 8)], GenerationPlanner.Plan("run", 1, 8, voters, sealedThrough: 0)!.Members.Select(member => (member.FirstShard, member.EndShard)));
        Assert.Equal(8, GenerationPlanner.Capacity(voters, 8));
    }

    private static string[] Names(IReadOnlyList<Candidate> candidates) => [.. candidates.Select(candidate => candidate.Info.Worker)];
}
