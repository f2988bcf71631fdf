using System.Security.Cryptography;
using Spikeformer.Contracts;

namespace Spikeformer.Runs;

/// <summary>A worker that could be in the next generation.</summary>
/// <param name="Info">The worker.</param>
/// <param name="Capacity">Most shards that its memory holds.</param>
/// <param name="CanVote">Whether it has what a voter needs: data and network, and the run's state when others have it.</param>
/// <param name="WantsToLeave">Whether it was asked to end.</param>
/// <param name="SecondsPerShard">How long it computes on a shard; 0 while that is not known.</param>
public sealed record Candidate(WorkerInfo Info, int Capacity, bool CanVote, bool WantsToLeave, double SecondsPerShard = 0);

/// <summary>Who is in the next generation: a pure function of the present one and the workers at hand.</summary>
public static class GenerationPlanner
{
    /// <summary>Shards move when a step becomes shorter by so much: a change of generation costs about a step.</summary>
    private const double LeastGain = 0.2;

    /// <summary>Members of the next generation by rank. Those who stay keep their order, so rank 0, the lead, changes only when it leaves;
    /// newcomers follow in the order given, as long as more are wanted.</summary>
    /// <param name="current">The present generation, or null.</param>
    /// <param name="candidates">The workers at hand; members of the present generation that are missing here are lost.</param>
    /// <param name="wanted">How many voters are wanted at most; 0 takes all.</param>
    /// <param name="shards">V, the most voters that can be.</param>
    /// <returns>The voters; empty when nobody can vote.</returns>
    public static IReadOnlyList<Candidate> Voters(GenerationPlan? current, IReadOnlyList<Candidate> candidates, int wanted, int shards)
    {
        int most = wanted > 0 ? Math.Min(wanted, shards) : shards;
        Candidate[] able = [.. candidates.Where(candidate => candidate.CanVote && !candidate.WantsToLeave)];
        var stay = from member in current?.Members ?? []
                   join candidate in able on (member.Worker, member.Incarnation) equals (candidate.Info.Worker, candidate.Info.Incarnation)
                   select candidate;
        Candidate[] members = [.. stay];
        return [.. members.Concat(able.Except(members)).Take(most)];
    }

    /// <summary>Whether the same members would be notably faster with other blocks: one is slower than the others, or no longer so.</summary>
    /// <param name="current">The present generation.</param>
    /// <param name="voters">Its voters by rank.</param>
    public static bool IsWorthMoving(GenerationPlan current, IReadOnlyList<Candidate> voters)
    {
        if (voters.Count != current.Members.Count || Seconds(voters) is not { } seconds || Blocks(current.Shards, voters) is not { } blocks) return false;
        (int, int)[] present = [.. current.Members.Select(member => (member.FirstShard, member.EndShard))];
        return ShardBlocks.Seconds(blocks, seconds) < (1 - LeastGain) * ShardBlocks.Seconds(present, seconds);
    }

    /// <summary>The plan of a generation.</summary>
    /// <param name="run">The run.</param>
    /// <param name="number">Its number.</param>
    /// <param name="shards">V.</param>
    /// <param name="voters">Its voters by rank.</param>
    /// <param name="sealedThrough">Which generations before it can commit nothing more.</param>
    /// <returns>The plan with a new nonce and secret, or null when the voters' memory does not hold V shards.</returns>
    public static GenerationPlan? Plan(string run, long number, int shards, IReadOnlyList<Candidate> voters, long sealedThrough)
    {
        if (Blocks(shards, voters) is not { } blocks) return null;
        return new()
        {
            Run = run,
            Number = number,
            Nonce = Guid.NewGuid(),
            Shards = shards,
            Secret = RandomNumberGenerator.GetBytes(32),
            SealedThrough = sealedThrough,
            Members = voters.Select((voter, rank) => new PlanMember
            {
                Worker = voter.Info.Worker,
                Incarnation = voter.Info.Incarnation,
                Address = voter.Info.Address,
                HostId = voter.Info.HostId,
                Rank = rank,
                FirstShard = blocks[rank].First,
                EndShard = blocks[rank].End,
            }).ToArray(),
        };
    }

    private static IReadOnlyList<(int First, int End)>? Blocks(int shards, IReadOnlyList<Candidate> voters) =>
        ShardBlocks.Cut(shards, [.. voters.Select(voter => voter.Capacity)], Seconds(voters));

    private static double[]? Seconds(IReadOnlyList<Candidate> voters) =>
        voters.All(voter => voter.SecondsPerShard > 0) ? [.. voters.Select(voter => voter.SecondsPerShard)] : null;
}
