using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Contracts;
using Spikeformer.Files;
using Spikeformer.ObjectStore;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker.Session;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker.Saving;

/// <summary>
/// What rank 0 does besides: keeps the run directory.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="board">The worker's board.</param>
/// <param name="time">Clock for people's time stamps.</param>
internal sealed class Lead(PreparedRun run, MemberBoard board, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(100);

    private RunKeeper? _keeper;
    private readonly HashSet<(long Sequence, DateTimeOffset Time)> _logged = [];
    private JsonLinesLog? _events;
    private (GenerationId Id, bool HasOthers)? _generation;
    private bool _isWaiting;
    private long _lastTry, _loggedStep;

    /// <summary>Whether this worker keeps the directory now. A lead that waits for a former one to give it up trains on meanwhile.</summary>
    public bool IsOpen => _keeper is not null;

    /// <summary>The directory's keeper; only while open.</summary>
    public RunKeeper Keeper => _keeper!;

    /// <summary>Becomes the lead, or stays it.</summary>
    /// <param name="isFresh">Whether this worker has not begun the run yet: then it takes the newest checkpoint.</param>
    /// <exception cref="SpikeformerException">The directory is another run's, in use, or not what the run began with.</exception>
    public void Open(bool isFresh)
    {
        _generation = null;
        if (_keeper is not null) return;
        if (!isFresh) TryOpen();
        else if (!run.Spec.IsResume && !IsOurs())
        {
            _keeper = RunKeeper.Begin(run.Directory, run.Description, CheckpointPlaces.Open, Report, time);
            OpenLogs();
            Report("started", $"Run {run.Spec.Name} began: {run.Network.Layout.ParameterCount:N0} parameters, {run.Dataset.Count(Data.Split.Train)} training samples"
                + (run.Description.Origin is { } origin ? $"; in epoch {origin.Epoch} with the weights of {origin.Weights}, SHA-256 {origin.Sha256[..12]}" : ""));
        }
        else if ((_keeper = TryContinue(run.Spec.Overrides, out DirectoryOwner owner)) is not null)
        {
            _keeper.Restore(run.State, run.Progress);
            OpenLogs();
        }
        else if (owner.Start == run.Spec.StartId)
        {
            // A former lead is frozen, and nobody else is left who holds the run's state.
            RunKeeper.RestoreUnowned(run.Directory, CheckpointPlaces.Open, Report, run.State, run.Progress);
            Wait(owner);
        }
        else throw RunLock.InUse(run.Directory.Path, owner);
    }

    /// <summary>All members of a generation hold the same state.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="hasOthers">Whether it has other members.</param>
    public void Aligned(GenerationId generation, bool hasOthers)
    {
        _generation = (generation, hasOthers);
        if (!IsOpen) return;
        LogMissed();
        Enter();
    }

    /// <summary>Waits until this worker keeps the directory.</summary>
    /// <exception cref="OperationCanceledException">The generation is over.</exception>
    public void AwaitOpen(CancellationToken cancellation)
    {
        for (; !IsOpen; TryOpen())
        {
            cancellation.WaitHandle.WaitOne(RetryInterval);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Whether this start of the run has begun the directory already, in an earlier generation.</summary>
    private bool IsOurs() => run.Directory.HasRun && run.Directory.ReadDescription().StartId == run.Spec.StartId;

    /// <summary>Remembers a committed step, and logs it where this worker is the lead.</summary>
    public void Committed(CommittedStep step, GenerationId generation)
    {
        StepLine line = StepLine.Of(step, generation);
        run.Recent.Add(line, mustKeep: _isWaiting);
        if (_keeper is not null)
        {
            Log(line);
            _keeper.WriteEpochs(run.Progress);
        }
        else if (_isWaiting && time.GetElapsedTime(_lastTry) > RetryInterval) TryOpen();
        WriteEvents();
    }

    /// <summary>Whether to save a checkpoint after so many steps: one is due or missing. Never while another is saved.</summary>
    public bool Saves(long step) => _keeper is { IsSaving: false } keeper && (step % SaveInterval == 0 || step == run.LastStep || keeper.IsBehind);

    /// <summary>Whether others may write slices of it.</summary>
    public bool Shares => _keeper is { MustWriteAlone: false };

    private long SaveInterval => run.Spec.CheckpointEvery ?? run.Order.StepsPerEpoch;

    /// <summary>Begins to save the state.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="writers">Names of the workers that write it together, this one first.</param>
    public void Save(GenerationId generation, IReadOnlyList<string> writers) =>
        Keeper.Save(run.State, run.Progress, run.Order.StepsPerEpoch, generation, writers);

    /// <summary>Lets a save under way wait no longer for other writers: one of them is lost.</summary>
    public void CallOff() => _keeper?.CallOff();

    /// <summary>Appends to the event log what the run has sent.</summary>
    public void WriteEvents()
    {
        if (_events is null) return;
        foreach (ClusterEvent what in board.TakeEvents())
        {
            if (_logged.Add((what.Sequence, what.Time)))
                _events.Append(new { what.Time, what.Kind, what.Step, what.Message, what.Worker, what.Sequence });
            board.Wrote(what.Sequence);
        }
    }

    /// <summary>Gives the directory up to another lead.</summary>
    public void Close()
    {
        WriteEvents();
        _events?.Dispose();
        _keeper?.Dispose();
        (_events, _keeper, _isWaiting) = (null, null, false);
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    /// <summary>Takes the directory over from a former lead, which may still save, or be frozen.</summary>
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
        if (!_isWaiting) Report("waiting", $"{run.Directory.Path} is still in use by {owner.Process}; logs and checkpoints wait for it, training does not");
        _isWaiting = true;
    }

    private void OpenLogs()
    {
        _events = JsonLinesLog.Open(run.Directory.EventsFile, message => Report("warning", message));
        // The run tells a new lead everything; what the former one has written is there.
        _logged.Clear();
        foreach (string line in File.ReadLines(run.Directory.EventsFile))
        {
            JsonElement what = JsonDocument.Parse(line).RootElement;
            _logged.Add((what.GetProperty("sequence").GetInt64(), what.GetProperty("time").GetDateTimeOffset()));
        }
        _loggedStep = Keeper.OpenStepLog(run.State.Step);
        LogMissed();
        _isWaiting = false;
        Enter();
    }

    /// <summary>Logs the steps that others have committed, and the lead that was.</summary>
    private void LogMissed()
    {
        foreach (StepLine line in run.Recent.Lines.Where(line => line.Step > _loggedStep)) Log(line);
        Keeper.WriteEpochs(run.Progress);
    }

    private void Log(StepLine line)
    {
        Keeper.LogStep(line);
        _loggedStep = line.Step;
    }

    private void Enter()
    {
        if (_generation is var (id, hasOthers)) Keeper.LeadGeneration(id, hasOthers, due: run.State.Step - run.State.Step % SaveInterval);
    }

    private void Report(string kind, string message) => board.Happened(kind, message, time.GetUtcNow());
}
