using Spikeformer.Clustering;

namespace Spikeformer.Runs;

/// <summary>The stored state of the directory.</summary>
[GenerateSerializer, Alias("spikeformer.RunDirectoryRecord")]
public sealed record RunDirectoryRecord
{
    /// <summary>All runs.</summary>
    [Id(0)] public IReadOnlyList<RunEntry> Runs { get; init; } = [];
}

/// <inheritdoc cref="IRunDirectoryGrain"/>
/// <remarks>Names and states are stored. Step counts and workers are not: they are reported again and again.</remarks>
[ControlPlacement, KeepAlive]
public sealed class RunDirectoryGrain([PersistentState("directory", "runs")] IPersistentState<RunDirectoryRecord> stored, TimeProvider time)
    : Grain, IRunDirectoryGrain
{
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(10), PromiseLimit = TimeSpan.FromSeconds(5);
    private readonly Dictionary<string, RunEntry> _runs = [];
    private readonly Dictionary<string, (WorkerReport Report, long Received)> _workers = [];
    private readonly Dictionary<string, (string Run, long Since)> _promised = [];

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // The stored number of wanted workers may be old. A run that gets one worker reports the true number; the worker also wakes a run that has
        // not been called since the cluster began.
        foreach (RunEntry entry in stored.State.Runs)
            _runs[entry.Run] = RunStates.WantsWorkers(entry.State) ? entry with { WantedWorkers = Math.Max(1, entry.WantedWorkers) } : entry;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<RunEntry>> Runs() =>
        Task.FromResult<IReadOnlyList<RunEntry>>(_runs.Values.OrderByDescending(entry => entry.Created).ToArray());

    /// <inheritdoc/>
    public async Task Update(RunEntry entry)
    {
        bool isNews = !_runs.TryGetValue(entry.Run, out RunEntry? known) || known.State != entry.State;
        _runs[entry.Run] = entry;
        if (!isNews) return;
        stored.State = new() { Runs = _runs.Values.ToArray() };
        await stored.WriteStateAsync();
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<WorkerStatus>> Workers()
    {
        foreach (string silent in _workers.Where(worker => time.GetElapsedTime(worker.Value.Received) > SilenceLimit).Select(worker => worker.Key).ToArray())
            _workers.Remove(silent);
        return Task.FromResult<IReadOnlyList<WorkerStatus>>(_workers.Values.OrderBy(worker => worker.Report.Info.Worker, StringComparer.Ordinal)
            .Select(worker => new WorkerStatus { Report = worker.Report, SecondsSinceReport = time.GetElapsedTime(worker.Received).TotalSeconds }).ToArray());
    }

    /// <inheritdoc/>
    public Task<string?> Assign(WorkerReport report)
    {
        string worker = report.Info.Worker;
        _workers[worker] = (report, time.GetTimestamp());
        if (report.Run is not null || report.IsDraining)
        {
            // The run may not count this worker yet, so the promise is kept for its full time.
            if (report.IsDraining || report.Run != _promised.GetValueOrDefault(worker).Run) _promised.Remove(worker);
            return Task.FromResult<string?>(null);
        }
        if (_promised.TryGetValue(worker, out var promise) && time.GetElapsedTime(promise.Since) < PromiseLimit && Wanted(promise.Run) >= 0)
            return Task.FromResult<string?>(promise.Run);
        _promised.Remove(worker);
        string? run = _runs.Values.Where(entry => Wanted(entry.Run) > 0).MinBy(entry => entry.Created)?.Run;
        if (run is not null) _promised[worker] = (run, time.GetTimestamp());
        return Task.FromResult(run);
    }

    /// <summary>The number of workers that a run still wants; workers that are promised to it count as present. Negative when it takes none.</summary>
    private int Wanted(string run)
    {
        RunEntry entry = _runs[run];
        if (entry.WantedWorkers == 0) return RunStates.WantsWorkers(entry.State) ? 0 : -1;
        return entry.WantedWorkers - _promised.Values.Count(promise => promise.Run == run && time.GetElapsedTime(promise.Since) < PromiseLimit);
    }
}
