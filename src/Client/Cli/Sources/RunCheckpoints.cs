using System.CommandLine;
using Spikeformer.Checkpoints;
using Spikeformer.ObjectStore;
using Spikeformer.Runs;

namespace Spikeformer.Cli.Sources;

/// <summary>The checkpoints of a run directory.</summary>
internal static class RunCheckpoints
{
    public static Option<long?> StepOption() => new("--step") { Description = "The checkpoint of this step", HelpName = "N" };

    /// <summary>Opens a run's checkpoints, wherever the run keeps them.</summary>
    /// <param name="directory">The run's directory.</param>
    /// <param name="warn">Receives warnings for callers that write; null for callers that only read.</param>
    public static CheckpointStore Open(RunDirectory directory, Action<string>? warn = null) =>
        new(CheckpointPlaces.Open(directory, directory.ReadDescription(), warn ?? (_ => { })));

    /// <summary>Reads the checkpoint of a step; without a step the best one, else the newest sound one.</summary>
    public static Checkpoint Choose(RunDirectory directory, long? step)
    {
        CheckpointStore store = Open(directory);
        if (step is { } chosen) return store.Read(chosen);
        CheckpointEntry? best = store.List().FirstOrDefault(entry => entry.IsBest && entry.Problem is null);
        return best is not null ? store.Read(best.Id.Step, best.Id.Lineage) : store.ReadNewest().Checkpoint!;
    }
}
