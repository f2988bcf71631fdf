using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Diagnostics;
using Spikeformer.Files;
using Spikeformer.Metrics;
using Spikeformer.Recipes;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>
/// Keeps a run's directory while it is trained: its lock, its description, its logs and its checkpoints. One process at a time; whoever
/// takes over opens it again.
/// </summary>
public sealed class RunKeeper : IDisposable
{
    private readonly RunDirectory _directory;
    private readonly Action<string, string> _report;
    private readonly TimeProvider _time;
    private readonly RunLock _lock;
    private readonly CheckpointStore _store;
    private readonly StorageProof? _proof;
    private readonly BackgroundCheckpoints _checkpoints;
    private EpochLog _epochs;
    private JsonLinesLog? _steps;
    private IReadOnlyList<StateTensor>? _snapshot;
    private long _writeBegan;
    private Thread? _entering;
    private bool _isBest;
    // Set on other threads.
    private volatile bool _isBehind, _mustWriteAlone;
    // As run.json has it, and as it is to be once it is known at which step the change takes hold.
    private RunDescription _description;
    private RunDescription? _changed;

    private RunKeeper(RunDirectory directory, RunDescription description, RunDescription? changed, ICheckpointFiles checkpoints, RunLock held,
        Action<string, string> report, TimeProvider time)
    {
        (_directory, _description, _changed, _lock, _report, _time) = (directory, description, changed, held, report, time);
        _store = new(checkpoints);
        // In an object store the lead writes alone: one writer at a time holds the claim there.
        if (checkpoints is LocalCheckpointFiles files) _proof = new(files);
        _checkpoints = new(_store, ReportSave);
        _epochs = NewEpochLog();
    }

    /// <summary>Begins a run in a directory that holds none.</summary>
    /// <param name="directory">The directory; made when needed.</param>
    /// <param name="description">What the run is; written to <c>run.json</c>.</param>
    /// <param name="place">Opens the place of its checkpoints.</param>
    /// <param name="report">Gets kind and message of what is worth an event; also called on the saving thread.</param>
    /// <param name="time">Clock for people's time stamps.</param>
    /// <exception cref="SpikeformerException">It holds a run already, the place holds checkpoints already, or another process owns the directory
    /// (Conflict); it cannot be written, or the place cannot be reached.</exception>
    public static RunKeeper Begin(
        RunDirectory directory, RunDescription description, CheckpointPlace place, Action<string, string> report, TimeProvider time) =>
        Locked(directory.Lock(description.StartId), directory, place, report, time, () =>
        {
            directory.RequireNoRun();
            // Those in the run directory belong to its run.json.
            if (description.Checkpoints is not null) RequireEmpty(place(directory, description, message => report(EventKinds.Warning, message)));
            directory.Begin(description);
            return (description, null);
        });

    /// <summary>Opens the directory of a run that was begun.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="description">What the run is here and now.</param>
    /// <param name="overrides">Names of what may differ from its beginning; see <see cref="RunDifference.Name"/>.</param>
    /// <param name="place">Opens the place of its checkpoints.</param>
    /// <param name="report">Gets kind and message of what is worth an event; also called on the saving thread.</param>
    /// <param name="time">Clock for people's time stamps.</param>
    /// <param name="owner">Who owns it, when the result is null: often a former lead that still saves, or is frozen.</param>
    /// <returns>The keeper, or null while another process owns the directory.</returns>
    /// <exception cref="SpikeformerException">There is no run (NotFound), or recipe, data or numerics differ from its beginning (Conflict, field by
    /// field).</exception>
    public static RunKeeper? TryContinue(
        RunDirectory directory, RunDescription description, IReadOnlyList<string> overrides, CheckpointPlace place, Action<string, string> report,
        TimeProvider time, out DirectoryOwner owner) =>
        directory.TryLock(description.StartId, out owner) is { } held ? Continue(held, directory, description, overrides, place, report, time) : null;

    /// <summary>Folder of the last checkpoint that was saved or restored, or null.</summary>
    public string? LastCheckpoint { get; private set; }

    /// <summary>SHA-256 of the state at the last save that has ended, or null before the first.</summary>
    public string? WeightsDigest { get; private set; }

    /// <summary>Committed steps of the state that was saved last; -1 before the first save.</summary>
    public long SavedStep { get; private set; } = -1;

    /// <summary>Whether a save is under way.</summary>
    public bool IsSaving => _checkpoints.IsBusy;

    /// <summary>Whether a checkpoint is missing that was due, because its save was abandoned or was never begun; the next boundary should make up
    /// for it.</summary>
    public bool IsBehind => _isBehind;

    /// <summary>Whether the lead should write alone: in this generation another writer has failed, or did not come on.</summary>
    public bool MustWriteAlone => _mustWriteAlone;

    /// <summary>Brings a state to the newest sound checkpoint; leaves it before its first step when there is none.</summary>
    /// <param name="state">The state before its first step.</param>
    /// <param name="progress">Gets the averages and best values that the checkpoint tells.</param>
    /// <exception cref="SpikeformerException">The checkpoint is of another recipe (Conflict).</exception>
    internal void Restore(TrainingState state, TrainingProgress progress)
    {
        Checkpoint? checkpoint = Restore(_store, _description, state, progress, _report);
        BeginLineage(state.Step);
        if (checkpoint is null) return;
        (LastCheckpoint, SavedStep) = (FolderOf(checkpoint.Id), state.Step);
        WeightsDigest = checkpoint.Info.WeightsDigest;
    }

    /// <summary>The same while another process owns the directory: a former lead of this start that is frozen. Reads only.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="place">Opens the place of its checkpoints.</param>
    /// <param name="report">Gets kind and message of what is worth an event.</param>
    /// <param name="state">The state before its first step.</param>
    /// <param name="progress">Gets the averages and best values that the checkpoint tells.</param>
    /// <exception cref="SpikeformerException">The checkpoint is of another recipe (Conflict).</exception>
    internal static void RestoreUnowned(RunDirectory directory, CheckpointPlace place, Action<string, string> report, TrainingState state, TrainingProgress progress)
    {
        RunDescription description = directory.ReadDescription();
        Restore(new(place(directory, description, message => report(EventKinds.Warning, message))), description, state, progress, report);
    }

    private static Checkpoint? Restore(
        CheckpointStore store, RunDescription description, TrainingState state, TrainingProgress progress, Action<string, string> report)
    {
        NewestCheckpoint newest = store.TryReadNewest();
        foreach (SkippedCheckpoint skipped in newest.Skipped) report(EventKinds.Warning, $"Checkpoint {skipped.Id} was passed over: {skipped.Reason}");
        if (newest.Checkpoint is not { } checkpoint)
        {
            report(EventKinds.Resumed, $"There is no sound checkpoint: the run begins again at step {state.Step}");
            return null;
        }
        if (checkpoint.Info.RecipeHash != description.RecipeHashIn(checkpoint.Id.Lineage))
            throw new SpikeformerException(ErrorKind.Conflict, $"Checkpoint {checkpoint.Id} in {store.Location} was made by another recipe than run.json's",
                "Restore the run.json that belongs to the checkpoints");
        state.Restore(checkpoint);
        progress.Restore(checkpoint.Info.Metrics);
        report(EventKinds.Resumed, $"Resumed from checkpoint {checkpoint.Id}");
        return checkpoint;
    }

    /// <summary>Leads a generation from now on: in the background shows its members which storage this is, and looks whether the checkpoint that
    /// was due last is there.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="hasOthers">Whether it has other members.</param>
    /// <param name="due">At which step a checkpoint was due last; 0 for none.</param>
    public void Enter(GenerationId generation, bool hasOthers, long due)
    {
        _mustWriteAlone = false;
        bool isBegun = due == 0 || SavedStep >= due;
        Thread? before = _entering;
        _entering = new Thread(() =>
        {
            before?.Join();
            try
            {
                if (hasOthers) _proof?.Leave(generation);
                if (!isBegun && !Retention.Succession(_store.List()).Any(entry => entry.Info is not null && entry.Id.Step >= due)) _isBehind = true;
            }
            catch (Exception error) when (error is SpikeformerException or IOException or UnauthorizedAccessException)
            {
                // Then nobody shares it; what is wrong, the next save tells.
            }
        })
        { Name = "storage", IsBackground = true };
        _entering.Start();
    }

    /// <summary>Opens the step log behind the given step: later lines are of steps that will be computed again.</summary>
    /// <param name="step">Committed steps.</param>
    /// <returns>The last step that the log holds, 0 for none. A lead that was lost may have left it short.</returns>
    public long OpenSteps(long step)
    {
        _steps = JsonLinesLog.Open(_directory.StepsFile, message => _report(EventKinds.Warning, message), throughStep: step);
        string? last = File.ReadLines(_directory.StepsFile).LastOrDefault();
        return last is null ? 0 : JsonDocument.Parse(last).RootElement.GetProperty("step").GetInt64();
    }

    /// <summary>Logs a committed step.</summary>
    public void Committed(StepLine step) => _steps!.Append(step);

    /// <summary>Brings the curves up to the epochs that are over.</summary>
    /// <param name="progress">What is known of them.</param>
    internal void WriteEpochs(TrainingProgress progress) => _epochs.Write(progress);

    /// <summary>Begins to save a state; waits for the save under way first.</summary>
    /// <param name="state">The state at a commit boundary; copied before this returns.</param>
    /// <param name="progress">Averages and best values.</param>
    /// <param name="stepsPerEpoch">Steps of an epoch.</param>
    /// <param name="generation">The generation that saves.</param>
    /// <param name="writers">Names of the workers that write it together, this one first.</param>
    internal void Save(TrainingState state, TrainingProgress progress, int stepsPerEpoch, GenerationId generation, IReadOnlyList<string> writers)
    {
        // A resumed run must find the lines of all steps and epochs that its checkpoint holds.
        _steps?.Sync();
        WriteEpochs(progress);
        // One copy of the state serves all saves: wait until the last one no longer reads it.
        _checkpoints.Wait();
        _isBehind = false;
        // A best that could not be saved is made up for by the next save.
        _isBest |= progress.TakeNewBest();
        long began = _time.GetTimestamp();
        _snapshot = state.Snapshot(_snapshot);
        SavedStep = state.Step;
        _writeBegan = _time.GetTimestamp();
        Catalogue.CheckpointDuration.Record(_time.GetElapsedTime(began, _writeBegan).TotalSeconds, "snapshot");
        _checkpoints.Save(_description.InfoOf(state, progress, stepsPerEpoch, generation, _time.GetUtcNow()), _snapshot, _isBest, writers);
        FailPoints.Hit("save", state.Step);
    }

    /// <summary>Waits for the save under way.</summary>
    public void Wait() => _checkpoints.Wait();

    /// <summary>The same for a while.</summary>
    /// <returns>Whether no save is under way any more.</returns>
    public bool Wait(TimeSpan patience) => _checkpoints.Wait(patience);

    /// <summary>Lets the save under way wait no longer for other writers: one of them is lost.</summary>
    public void CallOff() => _checkpoints.CallOff();

    /// <summary>Ends the save under way, which waits no longer for other writers, closes the log and gives the directory up.</summary>
    public void Dispose()
    {
        _checkpoints.Dispose();
        _entering?.Join();
        TakeProofBack();
        _epochs.Dispose();
        _steps?.Dispose();
        _lock.Dispose();
    }

    private static RunKeeper Continue(
        RunLock held, RunDirectory directory, RunDescription description, IReadOnlyList<string> overrides, CheckpointPlace place,
        Action<string, string> report, TimeProvider time) =>
        Locked(held, directory, place, report, time, () =>
        {
            RunDescription begun = directory.ReadDescription();
            IReadOnlyList<RunDifference> changes = RunDifferences.Between(begun, description);
            IReadOnlyList<RunDifference> refused = RunDifferences.NotCovered(changes, overrides);
            if (refused.Count > 0) throw RunDifferences.Refusal($"{begun.Run} in {directory.Path}", refused);
            RunDescription? changed = changes.Count == 0 ? null : description with
            {
                CreatedUtc = begun.CreatedUtc, StartId = begun.StartId, Checkpoints = begun.Checkpoints,
                Lineages = [.. begun.Lineages, new(begun.Lineages.Count + 1, 0, begun.RecipeHash, changes, time.GetUtcNow())],
            };
            return (begun, changed);
        });

    private static RunKeeper Locked(
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

    /// <summary>A new run must not take another's checkpoints for its own, nor remove them. And what is wrong with the place is told before
    /// the first step.</summary>
    private static void RequireEmpty(ICheckpointFiles checkpoints)
    {
        try
        {
            using IDisposable only = checkpoints.Lock();
            if (new CheckpointStore(checkpoints).List() is [var newest, ..])
                throw new SpikeformerException(ErrorKind.Conflict, $"{checkpoints.Location} holds checkpoints already, {newest.Id} among them",
                    "Choose another --checkpoints, or remove them");
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Checkpoints cannot be kept in {checkpoints.Location}");
        }
    }

    /// <summary>From here on the run has what was changed; a run that nobody changed goes on in its lineage.</summary>
    private void BeginLineage(long start)
    {
        if (_changed is not { } changed) return;
        Lineage lineage = changed.Lineages[^1] with { Start = start };
        _description = changed with { Lineages = [.. changed.Lineages.SkipLast(1), lineage] };
        _directory.Write(_description);
        _epochs.Dispose();
        _epochs = NewEpochLog();
        _changed = null;
        _report(EventKinds.Lineage, $"Lineage {lineage.Number} begins at step {start}: {string.Join("; ", lineage.Changes)}");
    }

    private EpochLog NewEpochLog()
    {
        Recipe recipe = RunDirectory.RecipeOf(_description);
        return new(_directory, recipe.Name, _description.Run, recipe.Batch, message => _report(EventKinds.Warning, message), _time);
    }

    private void TakeProofBack()
    {
        try
        {
            _proof?.TakeBack();
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            // It proves nothing any more, and the next lead removes it.
        }
    }

    private void ReportSave(CheckpointInfo info, SaveResult? saved, Exception? failure)
    {
        WeightsDigest = info.WeightsDigest;
        if (failure is SaveAbandonedException abandoned)
        {
            if (!abandoned.IsCalledOff) _mustWriteAlone = true;
            _isBehind = true;
            _report(EventKinds.CheckpointAbandoned, abandoned.Message);
            return;
        }
        if (saved is null)
        {
            _report(EventKinds.CheckpointFailed, failure!.Message);
            return;
        }
        _isBest = false;
        LastCheckpoint = FolderOf(saved.Entry.Id);
        Catalogue.CheckpointDuration.Record(_time.GetElapsedTime(_writeBegan).TotalSeconds, "write");
        Catalogue.CheckpointSize.Record(saved.Entry.Manifest!.SliceBytes);
        Catalogue.CheckpointStep.Record(info.Step);
        _report(EventKinds.Checkpoint, $"Saved {saved.Entry.Id}" + (saved.Writers.Count > 1 ? $", written by {string.Join(", ", saved.Writers)}" : ""));
        foreach (string warning in saved.Warnings) _report(EventKinds.Warning, warning);
    }

    private string FolderOf(CheckpointId id) => $"{_store.Location}/{id.Folder}";
}
