using Orleans.Placement;
using Spikeformer.Clustering;

namespace Spikeformer.Workers;

/// <inheritdoc cref="IWorkerGrain"/>
[SiloNamePlacement, Immovable(ImmovableKind.Any), KeepAlive]
public sealed class WorkerGrain(IWorkerKeeper keeper, TimeProvider time) : Grain, IWorkerGrain
{
    private static readonly TimeSpan DrainedPeriod = TimeSpan.FromSeconds(1);
    private WorkerReport? _report;
    private long _received;
    private IGrainTimer? _drain;

    private string Worker => this.GetPrimaryKeyString();

    /// <inheritdoc/>
    public async Task<WorkerOrder> Report(WorkerReport report)
    {
        (_report, _received) = (report, time.GetTimestamp());
        string? run = await GrainFactory.GetGrain<IRunDirectoryGrain>(0).Assign(report);
        return new() { Run = run, MustDrain = keeper.IsDrained(Worker) };
    }

    /// <inheritdoc/>
    public Task<WorkerStatus?> Status() => Task.FromResult(_report is null ? null
        : new WorkerStatus { Report = _report, SecondsSinceReport = time.GetElapsedTime(_received).TotalSeconds });

    /// <inheritdoc/>
    public Task Drain()
    {
        keeper.Drain(Worker);
        _drain ??= this.RegisterGrainTimer(ShowDrained, new GrainTimerCreationOptions { DueTime = DrainedPeriod, Period = DrainedPeriod, KeepAlive = true });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task Undrain()
    {
        keeper.Undrain(Worker);
        _drain?.Dispose();
        _drain = null;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> Log(int lines) => Task.FromResult(keeper.Tail(Worker, lines));

    /// <summary>Reports for a worker that has no process any more, so that the cluster still lists it.</summary>
    private async Task ShowDrained()
    {
        if (_report is null || keeper.IsRunning(Worker)) return;
        (_report, _received) = (_report with { Phase = WorkerPhase.Drained, Run = null, IsDraining = true }, time.GetTimestamp());
        try
        {
            await GrainFactory.GetGrain<IRunDirectoryGrain>(0).Assign(_report);
        }
        catch (Exception error) when (GrainCalls.IsTransient(error) || error is OrleansException)
        {
            // The next tick reports again.
        }
    }
}
