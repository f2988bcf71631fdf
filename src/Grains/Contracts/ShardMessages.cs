namespace Spikeformer.Contracts;

/// <summary>What a run tells its shard's grain.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.ShardUpdate")]
public sealed record ShardUpdate
{
    /// <summary>Number of the generation; older ones are ignored.</summary>
    [Id(0)] public required long Generation { get; init; }
    /// <summary>The worker that owns the shard, or null while nobody does.</summary>
    [Id(1)] public string? Owner { get; init; }
    /// <summary>Committed steps of the run.</summary>
    [Id(2)] public long Step { get; init; }
    /// <summary>The owner's mean seconds per shard and step.</summary>
    [Id(3)] public double SecondsPerStep { get; init; }
    /// <summary>What the ledger follows from; null until the run knows its data.</summary>
    [Id(4)] public LedgerBasis? Basis { get; init; }
}

/// <summary>What a shard's samples follow from.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.LedgerBasis")]
public sealed record LedgerBasis
{
    /// <summary>The recipe's seed.</summary>
    [Id(0)] public required ulong Seed { get; init; }
    /// <summary>Training samples.</summary>
    [Id(1)] public required int Samples { get; init; }
    /// <summary>Global batch.</summary>
    [Id(2)] public required int Batch { get; init; }
    /// <summary>V.</summary>
    [Id(3)] public required int Shards { get; init; }
    /// <summary>The run's first epoch.</summary>
    [Id(4)] public int StartEpoch { get; init; }
}

/// <summary>A shard as the cluster sees it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.ShardStatus")]
public sealed record ShardStatus
{
    /// <summary>v.</summary>
    [Id(0)] public required int Shard { get; init; }
    /// <summary>The worker that owns it, or null.</summary>
    [Id(1)] public string? Owner { get; init; }
    /// <summary>The owner's mean seconds per step.</summary>
    [Id(2)] public double SecondsPerStep { get; init; }
    /// <summary>The epoch under way, from 0.</summary>
    [Id(3)] public int Epoch { get; init; }
    /// <summary>Samples of that epoch which this shard has committed, in the order of their steps.</summary>
    [Id(4)] public IReadOnlyList<int> Committed { get; init; } = [];
    /// <summary>Samples committed over all epochs of the run.</summary>
    [Id(5)] public long CommittedInAll { get; init; }
}
