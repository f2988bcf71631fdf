using Spikeformer.Files;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>A worker's control loop for one run: carries reports to the run and orders back, beside a compute thread that never waits for it.</summary>
internal sealed class RunSession(IRunGrain run, WorkerInfo info, Action<RunSpec, MemberBoard> serve, TimeProvider time)
{
    private const int Kill = 9;
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(200);
    private readonly MemberBoard _board = new(info, time);
    private string? _reason;

    public (WorkerPhase Phase, long Step) Status => _board.Status;

    public void Leave() => _board.Leave();

    /// <summary>Serves the run until it no longer needs this worker.</summary>
    public async Task ServeAsync()
    {
        MemberOrder? order = await ReportAsync();
        while (order is { Spec: null, Action: not MemberAction.Release }) order = await ReportAsync();
        if (order.Action is MemberAction.Release) return;

        _board.Begin(order.Spec!.StartId);
        // libtorch keeps settings per thread and its temporaries in per-thread scopes: one thread of our own does all the work.
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            serve(order.Spec, _board);
            done.SetResult();
        }, maxStackSize: 16 << 20)
        { Name = ControlTraffic.ComputeThread, IsBackground = true }.Start();

        while (!_board.Released.IsCancellationRequested)
        {
            await _board.News.WaitAsync(TimeSpan.FromSeconds(order.ReportWithinSeconds));
            // One report covers all news.
            while (_board.News.Wait(0)) { }
            order = await ReportAsync();
            if (_board.IsStuck()) EndProcess();
        }
        await done.Task;
        _board.Enter(WorkerPhase.Done, _board.Status.Step);
        await ReportAsync();
    }

    /// <summary>Kills this process: a thread that hangs in native code cannot be ended in another way.</summary>
    private void EndProcess()
    {
        Console.Error.WriteLine($"The computation of step {_board.Status.Step} is stuck in phase {_board.Status.Phase}; exiting. The silo starts a new worker.");
        Posix.SignalSelf(Kill);
    }

    /// <summary>Sends the same report until the run answers, so that the run takes it in once.</summary>
    private async Task<MemberOrder> ReportAsync()
    {
        MemberReport report = _board.Compose();
        while (true)
        {
            try
            {
                MemberOrder order = await run.Report(report);
                _board.Answered(report, order);
                Log(order.Reason);
                return order;
            }
            catch (Exception error) when (GrainCalls.IsTransient(error) || error is OrleansException)
            {
                // Training continues meanwhile. The next coordinator gets the report.
                await Task.Delay(RetryPause, time);
            }
        }
    }

    /// <summary>Logs why the run leaves this worker out or does not train, once for each reason.</summary>
    private void Log(string? reason)
    {
        if (reason is null || reason == _reason) return;
        _reason = reason;
        Console.Error.WriteLine($"Run {run.GetPrimaryKeyString()}: {reason}");
    }
}
