namespace Spikeformer.Contracts;

/// <summary>One fixed membership of a run: its workers and the shards that each of them computes. Number and nonce identify it; they are the
/// fencing token of every frame, report and manifest.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.GenerationPlan")]
public sealed record GenerationPlan
{
    /// <summary>The run.</summary>
    [Id(0)] public required string Run { get; init; }
    /// <summary>Counts up from 1.</summary>
    [Id(1)] public required long Number { get; init; }
    /// <summary>A random value that distinguishes plans of the same number, which two coordinators could make. Compared for equality only.</summary>
    [Id(2)] public required Guid Nonce { get; init; }
    /// <summary>V, the number of shards.</summary>
    [Id(3)] public required int Shards { get; init; }
    /// <summary>The voters by rank. Their blocks are contiguous, in rank order, and cover all shards.</summary>
    [Id(4)] public required IReadOnlyList<PlanMember> Members { get; init; }
    /// <summary>32 random bytes. Members prove to each other that they know them when they connect.</summary>
    [Id(5)] public required byte[] Secret { get; init; }
    /// <summary>Generations up to this number have lost a member and commit nothing more; a member that is still in one leaves it at once.
    /// Between healthy generations the members change over at a step that they agree on.</summary>
    [Id(6)] public long SealedThrough { get; init; }

    /// <summary>Returns a worker's place in this plan, or null when the plan does not have that incarnation of it.</summary>
    public PlanMember? MemberOf(string worker, ulong incarnation) =>
        Members.FirstOrDefault(member => member.Worker == worker && member.Incarnation == incarnation);

    /// <summary>Returns whether two plans are the same generation.</summary>
    public bool IsSameAs(GenerationPlan? other) => other is not null && other.Number == Number && other.Nonce == Nonce;
}

/// <summary>A voter of a generation.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.PlanMember")]
public sealed record PlanMember
{
    /// <summary>The worker, <c>silo/slot</c>.</summary>
    [Id(0)] public required string Worker { get; init; }
    /// <summary>Identifies its process: random, new at every start.</summary>
    [Id(1)] public required ulong Incarnation { get; init; }
    /// <summary>Address of its data plane, <c>host:port</c>.</summary>
    [Id(2)] public required string Address { get; init; }
    /// <summary>Equal for workers that can share memory.</summary>
    [Id(3)] public required string HostId { get; init; }
    /// <summary>Position in <see cref="GenerationPlan.Members"/>. Rank 0, the lead, keeps the run directory.</summary>
    [Id(4)] public required int Rank { get; init; }
    /// <summary>First shard owned.</summary>
    [Id(5)] public required int FirstShard { get; init; }
    /// <summary>One past the last shard owned; never empty.</summary>
    [Id(6)] public required int EndShard { get; init; }
}
