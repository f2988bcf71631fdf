using Microsoft.Extensions.Time.Testing;
using Spikeformer.Contracts;
using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class RunViewTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Roster _roster;

    public RunViewTests() => _roster = new(_time);

    [Fact]
    public void A_new_run_waits_for_all_wanted_workers_and_a_broken_one_for_the_minimum()
    {
        var record = new RunRecord { Spec = Some.Spec(workers: 3, minWorkers: 2), State = RunState.Created, Shards = 4 };
        Assert.Equal("0 of 3 workers ready", Awaited(record));
        Assert.Equal("0 of 1 worker ready", Awaited(record with { Spec = Some.Spec() }));
        Say("a", WorkerPhase.Ready);
        Assert.Equal("1 of 3 workers ready", Awaited(record));
        Assert.Equal("1 of 2 workers ready", Awaited(record with { State = RunState.WaitingForWorkers }));
        Assert.Equal("1 worker ready, waiting a few seconds for more", Awaited(record with { Spec = Some.Spec() }));
    }

    [Fact]
    public void A_run_that_waits_for_memory_tells_how_many_shards_fit()
    {
        var record = new RunRecord { Spec = Some.Spec(shards: 8), State = RunState.WaitingForWorkers, Shards = 8 };
        _roster.Accept(Some.Report("a", WorkerPhase.Ready) with { Capacity = 3 });
        Assert.Equal("3 of 8 shards fit into the memory of 1 worker; add workers or memory", Awaited(record));
        _roster.Accept(Some.Report("b", WorkerPhase.Ready) with { Capacity = 4 });
        Assert.Equal("7 of 8 shards fit into the memory of 2 workers; add workers or memory", Awaited(record));
        Assert.Equal("7 of 8 shards fit into the memory of 2 workers; add memory, or resume with more --workers",
            Awaited(record with { Spec = Some.Spec(workers: 2, shards: 8) }));
        _roster.Accept(Some.Report("c", WorkerPhase.Ready));
        RunStatus status = RunView.Status("run", record, _roster);
        Assert.Equal([("a", 3), ("b", 4), ("c", null)], status.Members.Select(member => (member.Worker, member.Capacity)));
    }

    [Fact]
    public void A_worker_that_is_left_out_is_shown_with_the_reason()
    {
        var record = new RunRecord { Spec = Some.Spec(minWorkers: 2), State = RunState.WaitingForWorkers, Shards = 4, Fingerprint = Some.Numerics };
        Say("a", WorkerPhase.Ready);
        _roster.Accept(Some.Report("b", WorkerPhase.Ready) with { Fingerprint = new Dictionary<string, string>(Some.Numerics) { ["threads"] = "2" } });
        const string reason = "left out: threads is 2 here and 1 in the run; use the same build and settings";
        Assert.Equal($"1 of 2 workers ready; b is {reason}", Awaited(record));
        Assert.Equal([("a", null), ("b", reason)], RunView.Status("run", record, _roster).Members.Select(member => (member.Worker, member.LeftOut)));
    }

    [Fact]
    public void A_worker_that_still_prepares_is_named()
    {
        Say("a", WorkerPhase.Ready);
        Say("b", WorkerPhase.Preparing);
        _time.Advance(TimeSpan.FromSeconds(1.5));
        Assert.Equal("1 of 4 workers ready; b has been preparing for 1.5 s", Awaited(new() { Spec = Some.Spec(workers: 4), State = RunState.Created, Shards = 4 }));
    }

    [Fact]
    public void A_running_run_waits_for_the_slowest_that_does_not_itself_wait()
    {
        RunRecord record = new() { Spec = Some.Spec(), State = RunState.Running, Plan = Some.Plan("a", "b", "c") };
        Say("a", WorkerPhase.Reducing, 4);
        Say("b", WorkerPhase.Computing, 5);
        Say("c", WorkerPhase.Reducing, 5);
        Assert.Equal("worker b, computing step 5 for 0.0 s", Awaited(record));
        _time.Advance(TimeSpan.FromSeconds(2));
        Say("a", WorkerPhase.Computing, 5);
        _time.Advance(TimeSpan.FromSeconds(0.25));
        Assert.Equal("worker b, computing step 5 for 2.3 s", Awaited(record));
        Say("c", WorkerPhase.Saving, 4);
        Assert.Equal("worker c, saving step 4 for 0.0 s", Awaited(record with { State = RunState.Stopping }));
        foreach (string worker in (string[])["a", "b", "c"]) Say(worker, WorkerPhase.Reducing, 5);
        Assert.Null(Awaited(record));
    }

    [Theory]
    [InlineData(RunState.Stopped)]
    [InlineData(RunState.Completed)]
    [InlineData(RunState.Failed)]
    [InlineData(RunState.Cancelled)]
    public void A_run_that_is_over_waits_for_nothing(RunState state)
    {
        Say("a", WorkerPhase.Computing);
        Assert.Null(Awaited(new() { Spec = Some.Spec(), State = state }));
        Assert.Null(Awaited(new()));
    }

    [Fact]
    public void Voters_come_by_rank_then_the_others_by_arrival_and_the_lost_ones_not_at_all()
    {
        Say("lost", WorkerPhase.Following);
        _time.Advance(Roster.SilenceLimit);
        Say("late", WorkerPhase.Learning, 2);
        Say("b", WorkerPhase.Computing, 3);
        RunRecord record = new() { Spec = Some.Spec(), State = RunState.Running, Plan = Some.Plan("a", "b"), LastNumber = 1, Shards = 8 };
        RunStatus status = RunView.Status("run", record, _roster);
        Assert.Equal([("a", 0, 0, 4), ("b", 1, 4, 8), ("late", null, 0, 0)],
            status.Members.Select(member => (member.Worker, member.Rank, member.FirstShard, member.EndShard)));
        Assert.Equal([WorkerPhase.Idle, WorkerPhase.Computing, WorkerPhase.Learning], status.Members.Select(member => member.Phase));
        Assert.Equal(("run", RunState.Running, 1, 8), (status.Run, status.State, status.Generation, status.Shards));
    }

    [Fact]
    public void The_recipe_of_a_run_is_parsed_once()
    {
        RunSpec spec = Some.Spec();
        Assert.Same(RunRecipes.Of(spec), RunRecipes.Of(spec with { IsResume = true }));
    }

    [Fact]
    public void The_ledger_follows_from_recipe_and_data()
    {
        var record = new RunRecord { Spec = Some.Spec(shards: 4) };
        Assert.Null(RunView.Ledger(record, trainSamples: 0));
        Assert.Null(RunView.Ledger(new(), trainSamples: 704));
        Assert.Equal(new LedgerBasis { Seed = 7, Samples = 704, Batch = 16, Shards = 4 }, RunView.Ledger(record, trainSamples: 704));
    }

    private string? Awaited(RunRecord record) => RunView.Status("run", record, _roster).WaitingFor;

    private void Say(string worker, WorkerPhase phase, long step = 0) =>
        _roster.Accept(Some.Report(worker, phase, step, sequence: (_roster.ReportOf(worker)?.Sequence ?? 0) + 1));
}
