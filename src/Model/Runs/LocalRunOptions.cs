using Spikeformer.Data;

namespace Spikeformer.Runs;

/// <summary>Where a run lives and how it is kept, outside the recipe: nothing here changes its result.</summary>
public sealed record LocalRunOptions
{
    /// <summary>Name of the run.</summary>
    public required string Run { get; init; }
    /// <summary>The run directory.</summary>
    public required string OutDirectory { get; init; }
    /// <summary>Folder of the recordings; not needed by the synthetic camera.</summary>
    public string? DataPath { get; init; }
    /// <summary>Steps between two checkpoints; null saves at the end of each epoch. The last step is always saved.</summary>
    public int? CheckpointEvery { get; init; }
    /// <summary>Where decoded frames are kept.</summary>
    public FrameCacheOptions? Cache { get; init; }
}
