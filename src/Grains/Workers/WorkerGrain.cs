using Orleans.Placement;
using Spikeformer.Clustering;
using Spikeformer.Contracts;

namespace Spikeformer.Workers;

/// <summary>What a silo knows of the worker processes that it keeps.</summary>
public interface IWorkerLogs
{
    /// <summary>The last lines of a worker's log.</summary>
    /// <param name="worker">Its name, <c>silo/slot</c>.</param>
    /// <param name="lines">How many at most.</param>
    IReadOnlyList<string> Tail(string worker, int lines);
}

/// <inheritdoc cref="IWorkerGrain"/>
[SiloNamePlacement, Immovable(ImmovableKind.Any), KeepAlive]
public sealed class WorkerGrain(IWorkerLogs logs, TimeProvider time) : Grain, IWorkerGrain
{
    private WorkerReport? _report;
    private long _received;
    private ulong _draining;

    /// <inheritdoc/>
    public async Task<WorkerOrder> Report(WorkerReport report)
    {
        (_report, _received) = (report, time.GetTimestamp());
        string? run = await GrainFactory.GetGrain<IRunDirectoryGrain>(0).Assign(report);
        return new() { Run = run, MustDrain = _draining == report.Info.Incarnation };
    }

    /// <inheritdoc/>
    public Task<WorkerStatus?> Status() => Task.FromResult(_report is null ? null
        : new WorkerStatus { Report = _report, SecondsSinceReport = time.GetElapsedTime(_received).TotalSeconds });

    /// <inheritdoc/>
    public Task Drain()
    {
        // The process that is there now: its successor starts afresh.
        _draining = _report?.Info.Incarnation ?? 0;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> Log(int lines) => Task.FromResult(logs.Tail(this.GetPrimaryKeyString(), lines));
}
