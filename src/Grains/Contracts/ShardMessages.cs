namespace Spikeformer.Contracts;

/// <summary>News from a run to the grain of one of its shards.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.ShardUpdate")]
public sealed record ShardUpdate
{
    /// <summary>Number of the generation; older ones are ignored.</summary>
    [Id(0)] public required long Generation { get; init; }
    /// <summary>The worker that owns the shard; null while no worker does.</summary>
    [Id(1)] public string? Owner { get; init; }
    /// <summary>Committed steps of the run.</summary>
    [Id(2)] public long Step { get; init; }
    /// <summary>The owner's median seconds per shard and step.</summary>
    [Id(3)] public double SecondsPerStep { get; init; }
    /// <summary>The basis of the ledger; null until the run knows its data.</summary>
    [Id(4)] public LedgerBasis? Basis { get; init; }
}

/// <summary>The values from which the samples of a shard follow.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.LedgerBasis")]
public sealed record LedgerBasis
{
    /// <summary>The recipe's seed.</summary>
    [Id(0)] public required ulong Seed { get; init; }
    /// <summary>Number of training samples.</summary>
    [Id(1)] public required int Samples { get; init; }
    /// <summary>Samples of a global batch.</summary>
    [Id(2)] public required int Batch { get; init; }
    /// <summary>V, the number of shards.</summary>
    [Id(3)] public required int Shards { get; init; }
    /// <summary>The run's first epoch.</summary>
    [Id(4)] public int StartEpoch { get; init; }
}

/// <summary>A shard as the cluster sees it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.ShardStatus")]
public sealed record ShardStatus
{
    /// <summary>Its index v, from 0.</summary>
    [Id(0)] public required int Shard { get; init; }
    /// <summary>The worker that owns it, or null.</summary>
    [Id(1)] public string? Owner { get; init; }
    /// <summary>The owner's median seconds per shard and step.</summary>
    [Id(2)] public double SecondsPerStep { get; init; }
    /// <summary>The current epoch, from 0.</summary>
    [Id(3)] public int Epoch { get; init; }
    /// <summary>The samples of that epoch that this shard has committed, in the order of their steps.</summary>
    [Id(4)] public IReadOnlyList<int> Committed { get; init; } = [];
    /// <summary>Number of samples committed over all epochs of the run.</summary>
    [Id(5)] public long CommittedInAll { get; init; }
}
