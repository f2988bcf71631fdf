using Spikeformer.Checkpoints;
using Spikeformer.Diagnostics;
using Spikeformer.Metrics;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>Maintains a run's directory during training: its lock, its description, its logs and its checkpoints. One process at a time has it open; the next
/// lead opens it again.</summary>
internal sealed partial class RunKeeper : IDisposable
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

    private RunKeeper(RunDirectory directory, RunDescription description, RunDescription? changed, ICheckpointFiles checkpoints, RunLock held,
        Action<string, string> report, TimeProvider time)
    {
        (_directory, _description, _changed, _lock, _report, _time) = (directory, description, changed, held, report, time);
        _store = new(checkpoints);
        // In an object store the lead writes alone, since the claim there has one holder at a time.
        if (checkpoints is LocalCheckpointFiles files) _proof = new(files);
        _checkpoints = new(_store, ReportSave);
        _epochs = NewEpochLog();
    }

    /// <summary>The folder of the last checkpoint that was saved or restored; null before the first.</summary>
    public string? LastCheckpoint { get; private set; }

    /// <summary>The SHA-256 of the last state that was saved or restored; null before the first. It is set when the save ends.</summary>
    public string? WeightsDigest { get; private set; }

    /// <summary>The number of committed steps of the state that was saved last; -1 before the first save.</summary>
    public long SavedStep { get; private set; } = -1;

    /// <summary>Whether a save is in progress.</summary>
    public bool IsSaving => _checkpoints.IsBusy;

    /// <summary>Whether a due checkpoint is missing because its save was abandoned or never started. The next boundary should save one.</summary>
    public bool IsBehind => _isBehind;

    /// <summary>Whether the lead should write alone, because another writer of this generation failed or stopped writing.</summary>
    public bool MustWriteAlone => _mustWriteAlone;

    /// <summary>Starts to lead a generation. In the background, shows its members which storage this is, and checks whether the last due checkpoint
    /// exists.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="hasOthers">Whether it has other members.</param>
    /// <param name="due">The step of the last due checkpoint; 0 for none.</param>
    public void LeadGeneration(GenerationId generation, bool hasOthers, long due)
    {
        _mustWriteAlone = false;
        bool isBegun = due == 0 || SavedStep >= due;
        Thread? before = _entering;
        _entering = new Thread(() =>
        {
            before?.Join();
            try
            {
                if (hasOthers) _proof?.Write(generation);
                if (!isBegun && !Retention.Succession(_store.List()).Any(entry => entry.Info is not null && entry.Id.Step >= due)) _isBehind = true;
            }
            catch (Exception error) when (error is SpikeformerException or IOException or UnauthorizedAccessException)
            {
                // Then no member shares the storage. The next save reports the problem.
            }
        })
        { Name = "storage", IsBackground = true };
        _entering.Start();
    }

    /// <summary>Opens the step log after the given step, and drops the lines of later steps, which will be recomputed.</summary>
    /// <param name="step">The number of committed steps.</param>
    /// <returns>The last step in the log; 0 for none. A lead that was lost may have written fewer steps.</returns>
    public long OpenStepLog(long step)
    {
        _steps = JsonLinesLog.Open(_directory.StepsFile, message => _report(EventKinds.Warning, message), throughStep: step);
        string? last = File.ReadLines(_directory.StepsFile).LastOrDefault();
        return last is null ? 0 : JsonDocument.Parse(last).RootElement.GetProperty("step").GetInt64();
    }

    /// <summary>Logs a committed step.</summary>
    public void LogStep(StepLine step) => _steps!.Append(step);

    /// <summary>Completes the curves up to the last completed epoch.</summary>
    /// <param name="progress">The completed epochs.</param>
    public void WriteEpochs(TrainingProgress progress) => _epochs.Write(progress);

    /// <summary>Starts to save a state. Waits for the save in progress first.</summary>
    /// <param name="state">The state at a commit boundary; copied before this returns.</param>
    /// <param name="progress">Averages and best values.</param>
    /// <param name="stepsPerEpoch">The number of steps of an epoch.</param>
    /// <param name="generation">The generation that saves.</param>
    /// <param name="writers">The names of the workers that write the checkpoint, this one first.</param>
    public void Save(TrainingState state, TrainingProgress progress, int stepsPerEpoch, GenerationId generation, IReadOnlyList<string> writers)
    {
        // A resumed run must find the lines of all steps and epochs before its checkpoint.
        _steps?.Sync();
        WriteEpochs(progress);
        // All saves use the same copy of the state: wait until the last save no longer reads it.
        _checkpoints.Wait();
        _isBehind = false;
        // If saving the best state fails, the next save is marked as the best.
        _isBest |= progress.TakeNewBest();
        long began = _time.GetTimestamp();
        _snapshot = state.Snapshot(_snapshot);
        SavedStep = state.Step;
        _writeBegan = _time.GetTimestamp();
        Catalogue.CheckpointDuration.Record(_time.GetElapsedTime(began, _writeBegan).TotalSeconds, "snapshot");
        _checkpoints.Save(_description.InfoOf(state, progress, stepsPerEpoch, generation, _time.GetUtcNow()), _snapshot, _isBest, writers);
        FailPoints.Hit("save", state.Step);
    }

    /// <summary>Waits for the save in progress.</summary>
    public void Wait() => _checkpoints.Wait();

    /// <summary>Waits for the save in progress, up to a time limit.</summary>
    /// <returns>Whether no save is in progress.</returns>
    public bool Wait(TimeSpan patience) => _checkpoints.Wait(patience);

    /// <summary>Stops the save in progress from waiting for other writers, because one of them is lost.</summary>
    public void CallOff() => _checkpoints.CallOff();

    /// <summary>Ends the save in progress without waiting for other writers, closes the logs and releases the directory.</summary>
    public void Dispose()
    {
        _checkpoints.Dispose();
        _entering?.Join();
        // An old proof does no harm, and the next lead removes it.
        BestEffort.Try(() => _proof?.Delete());
        _epochs.Dispose();
        _steps?.Dispose();
        _lock.Dispose();
    }

    private EpochLog NewEpochLog()
    {
        Recipe recipe = RunDirectory.RecipeOf(_description);
        return new(_directory, recipe.Name, _description.Run, recipe.Batch, message => _report(EventKinds.Warning, message), _time);
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
