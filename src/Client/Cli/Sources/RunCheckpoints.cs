using Spikeformer.Checkpoints;
using Spikeformer.ObjectStore;

namespace Spikeformer.Cli.Sources;

/// <summary>The checkpoints of a run directory.</summary>
internal static class RunCheckpoints
{
    public static Option<long?> StepOption() => new("--step") { Description = "Step of the checkpoint", HelpName = "N" };

    /// <summary>Opens the checkpoints of a run, in its directory or elsewhere.</summary>
    /// <param name="directory">The run directory.</param>
    /// <param name="warn">Gets warnings; null for callers that only read.</param>
    public static CheckpointStore Open(RunDirectory directory, Action<string>? warn = null) =>
        new(CheckpointPlaces.Open(directory, directory.ReadDescription(), warn ?? (_ => { })));

    /// <summary>Reads the checkpoint of a step; without a step the best one, or else the newest sound one.</summary>
    public static Checkpoint Choose(RunDirectory directory, long? step)
    {
        CheckpointStore store = Open(directory);
        if (step is { } chosen) return store.Read(chosen);
        CheckpointEntry? best = store.List().FirstOrDefault(entry => entry.IsBest && entry.Problem is null);
        return best is not null ? store.Read(best.Id.Step, best.Id.Lineage) : store.ReadNewest().Checkpoint!;
    }
}
