namespace Spikeformer.Contracts;

/// <summary>The specification of a run: its recipe, its directories and its number of workers.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.RunSpec")]
public sealed record RunSpec
{
    /// <summary>Name of the run: 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit.</summary>
    [Id(0)] public required string Name { get; init; }
    /// <summary>The resolved recipe, canonical JSON. It defines the result.</summary>
    [Id(1)] public required string Recipe { get; init; }
    /// <summary>Folder of the data as the workers see it; null for synthetic data.</summary>
    [Id(2)] public string? DataPath { get; init; }
    /// <summary>The run directory as the workers see it.</summary>
    [Id(3)] public required string OutDirectory { get; init; }
    /// <summary>The most workers that train at once; 0 takes all that are available, up to V.</summary>
    [Id(4)] public int Workers { get; init; }
    /// <summary>The fewest workers that train: with fewer, the run waits. At least 1.</summary>
    [Id(5)] public int MinWorkers { get; init; } = 1;
    /// <summary>Seconds that the first generation waits for all wanted workers before it starts with fewer.</summary>
    [Id(6)] public int StartGraceSeconds { get; init; } = 15;
    /// <summary>Steps between two checkpoints; null saves at the end of each epoch.</summary>
    [Id(7)] public int? CheckpointEvery { get; init; }
    /// <summary>True to continue the run in <see cref="OutDirectory"/>; false to begin a new one there.</summary>
    [Id(8)] public bool IsResume { get; init; }
    /// <summary>Folder for decoded frames as the workers see it; null takes each worker's default.</summary>
    [Id(9)] public string? CacheDirectory { get; init; }
    /// <summary>Identifies this start; the run sets it. It distinguishes a directory that this start created from one that held a run
    /// before.</summary>
    [Id(10)] public Guid StartId { get; init; }
    /// <summary>For a resume: names of fields that may differ from the run's beginning. They are fields of the recipe or of the numerics
    /// fingerprint, <c>dataHash</c>, <c>initialWeights</c> or <c>startEpoch</c>. Each change begins a new lineage.</summary>
    [Id(11)] public IReadOnlyList<string> Overrides { get; init; } = [];
    /// <summary>Initial weights as the workers see them: a run directory, the folder of a checkpoint, or a file from <c>export</c> or
    /// <c>torch.save</c>; null for fresh weights. Like <see cref="StartEpoch"/>, they are part of the definition of the result.</summary>
    [Id(12)] public string? InitFrom { get; init; }
    /// <summary>The first epoch, from 0; above 0 only with <see cref="InitFrom"/>.</summary>
    [Id(13)] public int StartEpoch { get; init; }
    /// <summary>The place of its checkpoints as the workers see it: <c>s3://bucket/prefix</c> or a folder; null takes each worker's default. A run
    /// that resumes keeps the place in its <c>run.json</c>.</summary>
    [Id(14)] public string? Checkpoints { get; init; }
}
