using Spikeformer.Contracts;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

/// <summary>Each test has a directory of its own: the key is always 0 outside.</summary>
public sealed class RunDirectoryGrainTests(TestSilo silo) : IClassFixture<TestSilo>
{
    private static int s_keys;
    private readonly int _key = Interlocked.Increment(ref s_keys);

    private IRunDirectoryGrain Directory => silo.Grains.GetGrain<IRunDirectoryGrain>(_key);

    [Fact]
    public async Task The_oldest_run_that_wants_workers_gets_them_first()
    {
        await Tell("young", wanted: 5, minute: 2);
        await Tell("old", wanted: 1, minute: 1);
        Assert.Equal("old", await Idle("a"));
        Assert.Equal("young", await Idle("b"));
        Assert.Equal(["young", "old"], (await Directory.Runs()).Select(entry => entry.Run));
    }

    [Fact]
    public async Task A_promise_holds_while_the_worker_is_on_its_way_and_nobody_else_gets_its_place()
    {
        await Tell("run", wanted: 2);
        Assert.Equal("run", await Idle("a"));
        Assert.Equal("run", await Idle("a"));
        Assert.Equal("run", await Idle("b"));
        Assert.Null(await Idle("c"));
        // It serves the run now, but the run has not counted it yet.
        Assert.Null(await Serving("a", "run"));
        Assert.Null(await Idle("c"));
        // The run has counted both.
        await Tell("run", wanted: 0);
        Assert.Null(await Serving("b", "run"));
        Assert.Null(await Idle("c"));
    }

    [Fact]
    public async Task A_promise_that_is_not_kept_ends()
    {
        await Tell("run", wanted: 1);
        Assert.Equal("run", await Idle("a"));
        silo.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("run", await Idle("b"));
        Assert.Null(await Idle("a"));
    }

    [Fact]
    public async Task A_worker_that_took_another_run_or_ends_gives_its_promise_back()
    {
        await Tell("run", wanted: 1);
        Assert.Equal("run", await Idle("a"));
        Assert.Null(await Serving("a", "other"));
        Assert.Equal("run", await Idle("b"));
        Assert.Null(await Directory.Assign(Report("b") with { IsDraining = true }));
        Assert.Equal("run", await Idle("c"));
    }

    [Theory]
    [InlineData(RunState.Stopping)]
    [InlineData(RunState.Stopped)]
    [InlineData(RunState.Completed)]
    [InlineData(RunState.Failed)]
    [InlineData(RunState.Cancelled)]
    public async Task A_run_that_is_over_gets_nobody_not_even_those_that_were_promised(RunState state)
    {
        await Tell("run", wanted: 1);
        Assert.Equal("run", await Idle("a"));
        await Tell("run", wanted: 0, state: state);
        Assert.Null(await Idle("a"));
    }

    [Fact]
    public async Task After_a_restart_a_run_that_is_not_over_gets_a_worker_that_wakes_it()
    {
        await Tell("over", wanted: 0, minute: 1, state: RunState.Completed);
        await Tell("run", wanted: 0, minute: 2, state: RunState.Running);
        Assert.Null(await Idle("a"));
        await silo.DeactivateAsync(Directory);
        Assert.Equal("run", await Idle("a"));
        Assert.Null(await Idle("b"));
        Assert.Equal([("run", RunState.Running), ("over", RunState.Completed)], (await Directory.Runs()).Select(entry => (entry.Run, entry.State)));
    }

    [Fact]
    public async Task Workers_are_shown_by_name_while_they_report()
    {
        await Idle("b");
        await Idle("a");
        silo.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(["a", "b"], (await Directory.Workers()).Select(worker => worker.Report.Info.Worker));
        await Serving("a", "run");
        silo.Time.Advance(TimeSpan.FromSeconds(2));
        WorkerStatus status = Assert.Single(await Directory.Workers());
        Assert.Equal(("a", "run"), (status.Report.Info.Worker, status.Report.Run));
        Assert.InRange(status.SecondsSinceReport, 2, 3);
    }

    [Fact]
    public async Task A_workers_twin_passes_its_reports_on_and_drains_it_until_that_is_undone()
    {
        silo.Keeper.Start("silo/0");
        IWorkerGrain twin = silo.Grains.GetGrain<IWorkerGrain>("silo/0");
        Assert.Null(await twin.Status());
        WorkerOrder order = await twin.Report(Report("silo/0"));
        Assert.Equal((null, false), (order.Run, order.MustDrain));
        Assert.Contains(await silo.Grains.GetGrain<IRunDirectoryGrain>(0).Workers(), worker => worker.Report.Info.Worker == "silo/0");
        await twin.Drain();
        Assert.True((await twin.Report(Report("silo/0"))).MustDrain);
        Assert.True((await twin.Report(Report("silo/0") with { Info = Some.Worker("silo/0", incarnation: 2) })).MustDrain);
        Assert.Equal(2ul, (await twin.Status())!.Report.Info.Incarnation);
        Assert.Equal(["silo/0 1", "silo/0 2"], await twin.Log(2));

        silo.Keeper.Exit("silo/0");
        await Eventually.HoldsAsync("the list shows the drained worker", async () => (await Listed()).Phase is WorkerPhase.Drained);
        Assert.Equal((null, true), ((await Listed()).Run, (await Listed()).IsDraining));
        await twin.Undrain();
        Assert.False((await twin.Report(Report("silo/0"))).MustDrain);
        Assert.Equal(WorkerPhase.Idle, (await Listed()).Phase);

        async Task<WorkerReport> Listed() =>
            (await silo.Grains.GetGrain<IRunDirectoryGrain>(0).Workers()).Single(worker => worker.Report.Info.Worker == "silo/0").Report;
    }

    private Task Tell(string run, int wanted, int minute = 0, RunState state = RunState.WaitingForWorkers) =>
        Directory.Update(new() { Run = run, State = state, WantedWorkers = wanted, Created = Some.Noon.AddMinutes(minute) });

    private Task<string?> Idle(string worker) => Directory.Assign(Report(worker));

    private Task<string?> Serving(string worker, string run) => Directory.Assign(Report(worker) with { Run = run });

    private static WorkerReport Report(string worker) => new() { Info = Some.Worker(worker) };
}
