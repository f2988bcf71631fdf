using System.Security.Cryptography;

namespace Spikeformer.Runs;

/// <summary>A worker that could be a member of the next generation.</summary>
/// <param name="Info">The worker.</param>
/// <param name="Capacity">The number of shards that fit into its memory.</param>
/// <param name="CanVote">Whether it has everything that a voter needs: data and network, and the run's state when others have it.</param>
/// <param name="WantsToLeave">Whether it was asked to leave.</param>
/// <param name="SecondsPerShard">Its computing time per shard; 0 until known.</param>
public sealed record Candidate(WorkerInfo Info, int Capacity, bool CanVote, bool WantsToLeave, double SecondsPerShard = 0);

/// <summary>Chooses the members of the next generation: pure functions of the current one and of the available workers.</summary>
public static class GenerationPlanner
{
    /// <summary>Shards move when a step becomes shorter by at least this fraction: a change of generation costs about a step.</summary>
    private const double LeastGain = 0.2;

    /// <summary>Returns the members of the next generation by rank. Current members keep their order, so the lead, rank 0, changes only when it
    /// leaves. Newcomers follow in the given order until there are enough.</summary>
    /// <param name="current">The current generation, or null.</param>
    /// <param name="candidates">The available workers. Members of the current generation that are missing here are lost.</param>
    /// <param name="wanted">The most voters that are wanted; 0 takes all.</param>
    /// <param name="shards">V, the most voters that are possible.</param>
    /// <returns>The voters; empty when no worker can vote.</returns>
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

    /// <summary>Returns the number of shards that fit into the voters' memory, at most V.</summary>
    public static int Capacity(IReadOnlyList<Candidate> voters, int shards) => (int)Math.Min(shards, voters.Sum(voter => (long)voter.Capacity));

    /// <summary>Returns whether the same members would be notably faster with other blocks, because one has become slower than the others or has
    /// recovered.</summary>
    /// <param name="current">The current generation.</param>
    /// <param name="voters">Its voters by rank.</param>
    public static bool IsWorthMoving(GenerationPlan current, IReadOnlyList<Candidate> voters)
    {
        if (voters.Count != current.Members.Count || Seconds(voters) is not { } seconds || Blocks(current.Shards, voters) is not { } blocks) return false;
        (int, int)[] present = [.. current.Members.Select(member => (member.FirstShard, member.EndShard))];
        return ShardBlocks.Seconds(blocks, seconds) < (1 - LeastGain) * ShardBlocks.Seconds(present, seconds);
    }

    /// <summary>Returns the plan of a generation.</summary>
    /// <param name="run">The run.</param>
    /// <param name="number">Its number.</param>
    /// <param name="shards">V.</param>
    /// <param name="voters">Its voters by rank.</param>
    /// <param name="sealedThrough">The last generation before it that can commit nothing more.</param>
    /// <returns>The plan, with a new nonce and a new secret; null when V shards do not fit into the voters' memory.</returns>
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
