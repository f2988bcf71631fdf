using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Files;
using Spikeformer.ObjectStore;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Worker.Saving;

/// <summary>The lead's duty beside training: rank 0 keeps the run directory.</summary>
internal sealed class Lead(PreparedRun run, MemberBoard board, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(100);

    private RunKeeper? _keeper;
    private readonly HashSet<(long Sequence, DateTimeOffset Time)> _logged = [];
    private JsonLinesLog? _events;
    private (GenerationId Id, bool HasOthers)? _generation;
    private bool _isWaiting;
    private long _lastTry, _loggedStep;

    /// <summary>Whether this worker keeps the directory. A lead that waits for a former lead to release it continues to train.</summary>
    public bool IsOpen => _keeper is not null;

    public RunKeeper Keeper => _keeper!;

    /// <summary>Makes this worker the lead.</summary>
    /// <param name="isFresh">Whether this worker has no state of the run yet: it then takes the newest checkpoint.</param>
    /// <exception cref="SpikeformerException">The directory belongs to another run, is in use, or does not fit the run.</exception>
    public void Open(bool isFresh)
    {
        _generation = null;
        if (_keeper is not null) return;
        if (!isFresh) TryOpen();
        else if (!run.Spec.IsResume && !IsOurs())
        {
            _keeper = RunKeeper.Begin(run.Directory, run.Description, CheckpointPlaces.Open, Report, time);
            OpenLogs();
            Report(EventKinds.Started, $"Run {run.Spec.Name} started: {run.Network.Layout.ParameterCount:N0} parameters, {run.Dataset.Count(Data.Split.Train)} training samples"
                + (run.Description.Origin is { } origin ? $"; it starts in epoch {origin.Epoch} with the weights of {origin.Weights}, SHA-256 {origin.Sha256[..12]}" : ""));
        }
        else if ((_keeper = TryContinue(run.Spec.Overrides, out DirectoryOwner owner)) is not null)
        {
            _keeper.Restore(run.Held.State, run.Held.Progress);
            OpenLogs();
        }
        else if (owner.Start == run.Spec.StartId)
        {
            // A former lead is frozen, and no other worker holds the run's state.
            RunKeeper.RestoreUnowned(run.Directory, CheckpointPlaces.Open, Report, run.Held.State, run.Held.Progress);
            Wait(owner);
        }
        else throw RunLock.InUse(run.Directory.Path, owner);
    }

    /// <summary>Begins a generation whose members hold the same state.</summary>
    public void Aligned(GenerationId generation, bool hasOthers)
    {
        _generation = (generation, hasOthers);
        if (!IsOpen) return;
        LogMissed();
        Enter();
    }

    /// <summary>Waits until this worker keeps the directory.</summary>
    /// <exception cref="OperationCanceledException">The generation has ended.</exception>
    public void AwaitOpen(CancellationToken cancellation)
    {
        for (; !IsOpen; TryOpen())
        {
            cancellation.WaitHandle.WaitOne(RetryInterval);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Whether an earlier generation of this start of the run has made the directory.</summary>
    private bool IsOurs() => run.Directory.HasRun && run.Directory.ReadDescription().StartId == run.Spec.StartId;

    /// <summary>Remembers a committed step, and logs it if this worker is the lead.</summary>
    public void Committed(CommittedStep step, GenerationId generation)
    {
        StepLine line = StepLine.Of(step, generation);
        run.Held.Recent.Add(line, mustKeep: _isWaiting);
        if (_keeper is not null)
        {
            Log(line);
            _keeper.WriteEpochs(run.Held.Progress);
        }
        else if (_isWaiting && time.GetElapsedTime(_lastTry) > RetryInterval) TryOpen();
        WriteEvents();
    }

    /// <summary>Whether a checkpoint must be saved after a number of steps: one is due, or one is missing. Never while another is being saved.</summary>
    public bool MustSave(long step) => _keeper is { IsSaving: false } keeper && (step % SaveInterval == 0 || step == run.LastStep || keeper.IsBehind);

    /// <summary>Whether other workers may write slices of checkpoints.</summary>
    public bool AllowsOtherWriters => _keeper is { MustWriteAlone: false };

    private long SaveInterval => run.Spec.CheckpointEvery ?? run.Order.StepsPerEpoch;

    /// <summary>Starts to save the state, together with other writers; this worker's name is the first.</summary>
    public void Save(GenerationId generation, IReadOnlyList<string> writers) =>
        Keeper.Save(run.Held.State, run.Held.Progress, run.Order.StepsPerEpoch, generation, writers);

    /// <summary>Abandons a save that waits for other writers: one of them is lost.</summary>
    public void CallOff() => _keeper?.CallOff();

    public void WriteEvents()
    {
        if (_events is null) return;
        foreach (ClusterEvent what in board.TakeEvents())
        {
            if (_logged.Add((what.Sequence, what.Time)))
                _events.Append(new { what.Time, what.Kind, what.Step, what.Message, what.Worker, what.Sequence, what.By });
            board.Logged(what.Sequence);
        }
    }

    /// <summary>Releases the directory for another lead.</summary>
    public void Close()
    {
        WriteEvents();
        _events?.Dispose();
        _keeper?.Dispose();
        (_events, _keeper, _isWaiting) = (null, null, false);
    }

    public void Dispose() => Close();

    /// <summary>Tries to take the directory over from a former lead, which may still save, or be frozen.</summary>
    private void TryOpen()
    {
        _keeper = TryContinue([], out DirectoryOwner owner);
        if (_keeper is null) Wait(owner);
        else OpenLogs();
    }

    private RunKeeper? TryContinue(IReadOnlyList<string> overrides, out DirectoryOwner owner) =>
        RunKeeper.TryContinue(run.Directory, run.Description, overrides, CheckpointPlaces.Open, Report, time, out owner);

    private void Wait(DirectoryOwner owner)
    {
        _lastTry = time.GetTimestamp();
        if (!_isWaiting) Report(EventKinds.Waiting, $"Waiting for {owner.Process} to release {run.Directory.Path}: training continues, logs and checkpoints follow. End that process if it hangs");
        _isWaiting = true;
    }

    private void OpenLogs()
    {
        _events = JsonLinesLog.Open(run.Directory.EventsFile, message => Report(EventKinds.Warning, message));
        // The run sends all events to a new lead. The former one has written some of them.
        _logged.Clear();
        foreach (string line in File.ReadLines(run.Directory.EventsFile))
        {
            JsonElement what = JsonDocument.Parse(line).RootElement;
            _logged.Add((what.GetProperty("sequence").GetInt64(), what.GetProperty("time").GetDateTimeOffset()));
        }
        _loggedStep = Keeper.OpenStepLog(run.Held.State.Step);
        LogMissed();
        _isWaiting = false;
        Enter();
    }

    /// <summary>Logs the steps that were committed before this worker kept the directory.</summary>
    private void LogMissed()
    {
        foreach (StepLine line in run.Held.Recent.Lines.Where(line => line.Step > _loggedStep)) Log(line);
        Keeper.WriteEpochs(run.Held.Progress);
    }

    private void Log(StepLine line)
    {
        Keeper.LogStep(line);
        _loggedStep = line.Step;
    }

    private void Enter()
    {
        if (_generation is var (id, hasOthers)) Keeper.LeadGeneration(id, hasOthers, due: run.Held.State.Step - run.Held.State.Step % SaveInterval);
    }

    private void Report(string kind, string message) => board.Happened(kind, message, time.GetUtcNow());
}
