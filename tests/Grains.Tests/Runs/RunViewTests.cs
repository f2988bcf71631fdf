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
    public void A_new_run_waits_for_all_that_are_wanted_and_a_broken_one_for_the_least()
    {
        var record = new RunRecord { Spec = Some.Spec(workers: 3, minWorkers: 2), State = RunState.Created };
        Assert.Equal("workers: 0 of 3 have come", Awaited(record));
        Say("a", WorkerPhase.Ready);
        Assert.Equal("workers: 1 of 3 have come", Awaited(record));
        Assert.Equal("workers: 1 of at least 2 have come", Awaited(record with { State = RunState.WaitingForWorkers }));
        Assert.Equal("workers: 1 of at least 1 have come", Awaited(record with { Spec = Some.Spec() }));
    }

    [Fact]
    public void Whoever_still_opens_its_data_is_awaited_by_name()
    {
        Say("a", WorkerPhase.Ready);
        Say("b", WorkerPhase.Preparing);
        _time.Advance(TimeSpan.FromSeconds(1.5));
        Assert.Equal("worker b, which opens the data for 1.5 s; 2 of 4 workers have come", Awaited(new() { Spec = Some.Spec(workers: 4), State = RunState.Created }));
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
