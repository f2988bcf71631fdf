namespace Spikeformer.Contracts;

/// <summary>What a client asks for: a recipe and how the run is kept.</summary>
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
    /// <summary>How many workers are wanted at most; 0 takes as many as there are, up to V.</summary>
    [Id(4)] public int Workers { get; init; }
    /// <summary>With fewer workers than this the run waits. At least 1.</summary>
    [Id(5)] public int MinWorkers { get; init; } = 1;
    /// <summary>Seconds that the first generation waits for all wanted workers before it goes on with the minimum.</summary>
    [Id(6)] public int StartGraceSeconds { get; init; } = 15;
    /// <summary>Steps between two checkpoints; null saves at the end of each epoch.</summary>
    [Id(7)] public int? CheckpointEvery { get; init; }
    /// <summary>True to continue what lies in <see cref="OutDirectory"/>; false to begin there.</summary>
    [Id(8)] public bool IsResume { get; init; }
    /// <summary>Folder for decoded frames as the workers see it; null takes each worker's default.</summary>
    [Id(9)] public string? CacheDirectory { get; init; }
    /// <summary>Which start this is; the run sets it. Tells a directory that this start began from one that held a run before.</summary>
    [Id(10)] public Guid StartId { get; init; }
    /// <summary>When it resumes: names of what may differ from the run's beginning, fields of the recipe or of the numerics fingerprint,
    /// <c>dataHash</c>, <c>initialWeights</c> or <c>startEpoch</c>. Each change begins a lineage.</summary>
    [Id(11)] public IReadOnlyList<string> Overrides { get; init; } = [];
    /// <summary>Weights to begin with, as the workers see them: a run directory, a folder of a checkpoint, or a file that <c>export</c> or
    /// <c>torch.save</c> has written; null for fresh ones. Together with <see cref="StartEpoch"/> part of what defines the result.</summary>
    [Id(12)] public string? InitFrom { get; init; }
    /// <summary>The first epoch, from 0; above 0 with <see cref="InitFrom"/> only.</summary>
    [Id(13)] public int StartEpoch { get; init; }
    /// <summary>Where its checkpoints go, as the workers see it: <c>s3://bucket/prefix</c> or a folder; null takes each worker's default. A run that
    /// resumes keeps the place that its <c>run.json</c> names.</summary>
    [Id(14)] public string? Checkpoints { get; init; }
}
