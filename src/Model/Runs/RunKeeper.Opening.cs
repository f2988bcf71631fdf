using Spikeformer.Checkpoints;
using Spikeformer.Training;

namespace Spikeformer.Runs;

internal sealed partial class RunKeeper
{
    // The description in run.json, and its successor until the step is known at which the change takes effect.
    private RunDescription _description;
    private RunDescription? _changed;

    /// <summary>Starts a run in a directory that contains none.</summary>
    /// <param name="directory">The directory; created if needed.</param>
    /// <param name="description">The description of the run, written to <c>run.json</c>.</param>
    /// <param name="place">Opens the storage of its checkpoints.</param>
    /// <param name="report">Receives the kind and message of events, also on the saving thread.</param>
    /// <param name="time">The clock for time stamps.</param>
    /// <exception cref="SpikeformerException">The directory already contains a run, the storage already contains checkpoints, or another process
    /// owns the directory (Conflict); the directory cannot be written, or the storage cannot be reached.</exception>
    public static RunKeeper Begin(
        RunDirectory directory, RunDescription description, CheckpointPlace place, Action<string, string> report, TimeProvider time) =>
        Open(directory.Lock(description.StartId), directory, place, report, time, () =>
        {
            directory.RequireNoRun();
            // Checkpoints inside the run directory belong to the run in its run.json.
            if (description.Checkpoints is not null) RequireEmpty(place(directory, description, message => report(EventKinds.Warning, message)));
            directory.Begin(description);
            return (description, null);
        });

    /// <summary>Opens the directory of an existing run.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="description">The description of the run in this process.</param>
    /// <param name="overrides">The names of the allowed differences from its start; see <see cref="RunDifference.Name"/>.</param>
    /// <param name="place">Opens the storage of its checkpoints.</param>
    /// <param name="report">Receives the kind and message of events, also on the saving thread.</param>
    /// <param name="time">The clock for time stamps.</param>
    /// <param name="owner">The owner, if the result is null: often a former lead that is still saving, or is frozen.</param>
    /// <returns>The keeper, or null while another process owns the directory.</returns>
    /// <exception cref="SpikeformerException">There is no run (NotFound), or recipe, data or numerics differ from its start (Conflict, with each
    /// field).</exception>
    public static RunKeeper? TryContinue(
        RunDirectory directory, RunDescription description, IReadOnlyList<string> overrides, CheckpointPlace place, Action<string, string> report,
        TimeProvider time, out DirectoryOwner owner) =>
        directory.TryLock(description.StartId, out owner) is { } held ? Continue(held, directory, description, overrides, place, report, time) : null;

    /// <summary>Restores the newest valid checkpoint. If there is none, the state remains before its first step.</summary>
    /// <param name="state">The state before its first step.</param>
    /// <param name="progress">Receives the averages and best values of the checkpoint.</param>
    /// <exception cref="SpikeformerException">The checkpoint has another recipe (Conflict).</exception>
    public void Restore(TrainingState state, TrainingProgress progress)
    {
        Checkpoint? checkpoint = Restore(_store, _description, state, progress, _report);
        BeginLineage(state.Step);
        if (checkpoint is null) return;
        (LastCheckpoint, SavedStep) = (FolderOf(checkpoint.Id), state.Step);
        WeightsDigest = checkpoint.Info.WeightsDigest;
    }

    /// <summary>Restores the newest valid checkpoint while another process owns the directory, such as a frozen former lead of this start. Reads
    /// only.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="place">Opens the storage of its checkpoints.</param>
    /// <param name="report">Receives the kind and message of events.</param>
    /// <param name="state">The state before its first step.</param>
    /// <param name="progress">Receives the averages and best values of the checkpoint.</param>
    /// <exception cref="SpikeformerException">The checkpoint has another recipe (Conflict).</exception>
    public static void RestoreUnowned(RunDirectory directory, CheckpointPlace place, Action<string, string> report, TrainingState state, TrainingProgress progress)
    {
        RunDescription description = directory.ReadDescription();
        Restore(new(place(directory, description, message => report(EventKinds.Warning, message))), description, state, progress, report);
    }

    private static RunKeeper Continue(
        RunLock held, RunDirectory directory, RunDescription description, IReadOnlyList<string> overrides, CheckpointPlace place,
        Action<string, string> report, TimeProvider time) =>
        Open(held, directory, place, report, time, () =>
        {
            RunDescription begun = directory.ReadDescription();
            IReadOnlyList<RunDifference> changes = RunDifferences.Between(begun, description);
            IReadOnlyList<RunDifference> refused = RunDifferences.NotCovered(changes, overrides);
            if (refused.Count > 0) throw RunDifferences.Refusal($"{begun.Run} in {directory.Path}", refused);
            RunDescription? changed = changes.Count == 0 ? null : description with
            {
                CreatedUtc = begun.CreatedUtc,
                StartId = begun.StartId,
                Checkpoints = begun.Checkpoints,
                Lineages = [.. begun.Lineages, new(begun.Lineages.Count + 1, 0, begun.RecipeHash, changes, time.GetUtcNow())],
            };
            return (begun, changed);
        });

    private static RunKeeper Open(
        RunLock held, RunDirectory directory, CheckpointPlace place, Action<string, string> report, TimeProvider time,
        Func<(RunDescription, RunDescription?)> describe)
    {
        try
        {
            (RunDescription description, RunDescription? changed) = describe();
            ICheckpointFiles checkpoints = place(directory, description, message => report(EventKinds.Warning, message));
            return new(directory, description, changed, checkpoints, held, report, time);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Makes sure that a new run neither continues nor removes the checkpoints of another run, and reports a problem with the storage
    /// before the first step.</summary>
    private static void RequireEmpty(ICheckpointFiles checkpoints)
    {
        try
        {
            using IDisposable only = checkpoints.Lock();
            if (new CheckpointStore(checkpoints).List() is [var newest, ..])
                throw new SpikeformerException(ErrorKind.Conflict, $"{checkpoints.Location} already contains checkpoints, such as {newest.Id}",
                    "Choose another --checkpoints, or remove them");
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot store checkpoints in {checkpoints.Location}");
        }
    }

    private static Checkpoint? Restore(
        CheckpointStore store, RunDescription description, TrainingState state, TrainingProgress progress, Action<string, string> report)
    {
        NewestCheckpoint newest = store.TryReadNewest();
        foreach (SkippedCheckpoint skipped in newest.Skipped) report(EventKinds.Warning, $"Skipped checkpoint {skipped.Id}: {skipped.Reason}");
        if (newest.Checkpoint is not { } checkpoint)
        {
            report(EventKinds.Resumed, $"There is no valid checkpoint: the run starts again at step {state.Step}");
            return null;
        }
        if (checkpoint.Info.RecipeHash != description.RecipeHashIn(checkpoint.Id.Lineage))
            throw new SpikeformerException(ErrorKind.Conflict, $"Checkpoint {checkpoint.Id} in {store.Location} has another recipe than run.json",
                "Restore the run.json that belongs to the checkpoints");
        state.Restore(checkpoint);
        progress.Restore(checkpoint.Info.Metrics);
        report(EventKinds.Resumed, $"Resumed from checkpoint {checkpoint.Id}");
        return checkpoint;
    }

    /// <summary>Starts a new lineage if the run was changed; an unchanged run continues its lineage.</summary>
    private void BeginLineage(long start)
    {
        if (_changed is not { } changed) return;
        Lineage lineage = changed.Lineages[^1] with { Start = start };
        _description = changed with { Lineages = [.. changed.Lineages.SkipLast(1), lineage] };
        _directory.Write(_description);
        _epochs.Dispose();
        _epochs = NewEpochLog();
        _changed = null;
        _report(EventKinds.Lineage, $"Lineage {lineage.Number} starts at step {start}: {string.Join("; ", lineage.Changes)}");
    }
}
