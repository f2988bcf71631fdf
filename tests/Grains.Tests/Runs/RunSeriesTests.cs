using Microsoft.Extensions.Time.Testing;
using Spikeformer.Contracts;
using Spikeformer.Metrics;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

/// <summary>The recipe has 704 samples in batches of 16: 44 steps of an epoch.</summary>
public sealed class RunSeriesTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly string _run = $"run-{Guid.NewGuid():N}";
    private readonly SeriesStore _store;
    private readonly ExportedSeries _exported;
    private readonly RunSeries _series;
    private RunRecord _record;

    public RunSeriesTests()
    {
        (_store, _exported) = (new(_time), new("run", _run));
        _series = new(_run, _store, _time);
        _record = new() { Spec = Some.Spec(_run, workers: 3) with { StartId = Guid.NewGuid() }, State = RunState.Created, Shards = 4 };
    }

    public void Dispose()
    {
        _exported.Dispose();
        _store.Dispose();
    }

    [Fact]
    public void A_run_shows_what_it_is_and_its_state()
    {
        _series.Decided(_record);
        Assert.Equal(1, _exported.Now().Single(series => series.Key.StartsWith($"spikeformer.run.info run={_run} preset=some model=Plif dataset=Synthetic version=", StringComparison.Ordinal)).Value);
        Assert.Equal([("created", 1)], States());
        Train(1);
        Assert.Equal([("running", 1)], States());
        Assert.Equal((1, 3, 1), (Value("world_size.min"), Value("world_size.max"), Value("generation")));

        (string, double)[] States() => [.. from state in Enum.GetValues<RunState>().Except([RunState.None]).Select(StateNames.Of)
                                           where Value("run.state", $"state={state}") > 0
                                           select (state, Value("run.state", $"state={state}"))];
    }

    [Fact]
    public void Steps_of_a_lead_that_died_before_it_told_are_counted_with_the_next()
    {
        Train(1);
        Tell(1, 1, 2, 3);
        Tell(1, 45);
        Assert.Equal((45, 45, 704 + 16), (Value("steps"), Value("step"), Value("samples")));
        Assert.Equal((0.5, 1), (Value("accuracy.ratio", "split=train k=1"), Value("epoch")));
    }

    [Fact]
    public void A_loss_is_one_recovery_until_the_next_commit()
    {
        GenerationPlan first = Train(1);
        Tell(1, 1);
        Assert.Equal(0, Value("recoveries", "reason=rank_lost"));
        Seal(first, "a");
        _time.Advance(TimeSpan.FromSeconds(2));
        Seal(first, "b");
        Train(2, sealedThrough: 1);
        Tell(1, 2); // told late
        _time.Advance(TimeSpan.FromSeconds(1));
        Tell(2, 3);
        Assert.Equal((1, 0), (Value("recoveries", "reason=rank_lost"), Value("recoveries", "reason=checksum")));
        Assert.Equal([3.0], _exported.Measured($"spikeformer.recovery.duration run={_run}"));
        Assert.Equal((3, 3), (Value("lost_time", "cause=recovery"), Value("steps")));
    }

    [Fact]
    public void A_loss_that_only_the_coordinator_saw_is_one_too_and_a_join_is_none()
    {
        Train(1);
        Tell(1, 1);
        Train(2, sealedThrough: 1);
        Tell(2, 2);
        Train(3, sealedThrough: 1);
        Tell(3, 3);
        Assert.Equal(1, Value("recoveries", "reason=rank_lost"));
    }

    [Fact]
    public void Members_that_save_and_wait_for_more_have_lost_nothing()
    {
        GenerationPlan first = Train(1);
        Tell(1, 1);
        _series.Reported(Report(first) with { Outcome = Some.Outcome(RunState.Stopped, 1) }, first);
        Decide(_record with { Plan = null, State = RunState.WaitingForWorkers });
        _time.Advance(TimeSpan.FromSeconds(5));
        Train(2, sealedThrough: 1);
        Tell(2, 2);
        Assert.Equal((0, 5), (Value("recoveries", "reason=rank_lost"), Value("lost_time", "cause=waiting")));
    }

    [Fact]
    public void After_a_mismatch_steps_are_done_again_and_counted_as_lost()
    {
        GenerationPlan first = Train(1);
        Tell(1, 1, 2, 3, 4);
        _series.Reported(Report(first) with { Phase = WorkerPhase.Sealed, Events = [new() { Kind = "mismatch", Message = "Bits." }] }, first);
        Train(2, sealedThrough: 1);
        Tell(2, 3);
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal((4, 3, 1), (Value("steps"), Value("step"), Value("lost_steps")));
        Tell(2, 4);
        _time.Advance(TimeSpan.FromSeconds(6));
        Tell(2, 5);
        Assert.Equal((5, 5, 2), (Value("steps"), Value("step"), Value("lost_steps")));
        Assert.Equal((0, 1), (Value("recoveries", "reason=rank_lost"), Value("recoveries", "reason=checksum")));
        Assert.Equal((4, 6), (Value("lost_time", "cause=redone"), Value("training_time")));
    }

    [Fact]
    public void A_step_that_a_new_lead_tells_again_is_not_lost()
    {
        Train(1);
        Tell(1, 1, 2);
        Train(2, sealedThrough: 1);
        Tell(2, 2, 3);
        Assert.Equal((3, 3, 0), (Value("steps"), Value("step"), Value("lost_steps")));
    }

    [Fact]
    public void Goodput_is_the_share_of_the_time_that_makes_progress()
    {
        _series.Decided(_record);
        _time.Advance(TimeSpan.FromSeconds(10));
        Train(1);
        _time.Advance(TimeSpan.FromSeconds(20));
        Tell(1, 1);
        _time.Advance(TimeSpan.FromSeconds(90));
        _series.Show(Status());
        Assert.Equal((10, 20, 90), (Value("lost_time", "cause=waiting"), Value("lost_time", "cause=starting"), Value("training_time")));
        Assert.Equal(0.75, Value("goodput.ratio"));
    }

    [Fact]
    public void A_resumed_run_counts_on_and_a_new_one_of_the_same_name_too()
    {
        Train(1);
        Tell(1, 1, 2, 3, 4);
        Decide(_record with { Plan = null, State = RunState.Stopped });
        Decide(_record with { State = RunState.Created, Spec = _record.Spec! with { IsResume = true, StartId = Guid.NewGuid() } });
        Train(2);
        Tell(2, 3, 4, 5);
        Assert.Equal((5, 5, 2), (Value("steps"), Value("step"), Value("lost_steps")));
        Decide(_record with { Plan = null, State = RunState.Completed });
        Decide(_record with { State = RunState.Created, Spec = _record.Spec! with { IsResume = false, StartId = Guid.NewGuid() } });
        Train(3);
        Tell(3, 1);
        Assert.Equal((6, 1, 0), (Value("steps"), Value("step"), Value("recoveries", "reason=rank_lost")));
    }

    [Fact]
    public void A_coordinator_that_takes_over_counts_from_where_the_run_is()
    {
        Train(7);
        Tell(7, 101, 102);
        Assert.Equal((2, 102), (Value("steps"), Value("step")));
    }

    [Fact]
    public void Members_show_their_time_and_the_age_of_their_report()
    {
        Train(1);
        _series.Show(Status(
            new MemberStatus { Worker = "a", Device = "cpu:0", Rank = 0, FirstShard = 1, EndShard = 4, SecondsPerShard = 0.5, SecondsSinceReport = 0.125 },
            new MemberStatus { Worker = "b", Device = "cpu:1", SecondsSinceReport = 2 }));
        Assert.Equal((1, 1, 132), (Value("world_size"), Value("learners"), Value("target.step")));
        Assert.Equal((1.5, 0.125, 2), (Value("rank_step.duration", "rank=0 worker=a"), Value("heartbeat_age", "worker=a"), Value("heartbeat_age", "worker=b")));
        _series.Show(Status());
        Assert.DoesNotContain(_exported.Now().Keys, series => series.Contains("worker=", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_that_is_over_stays_visible_for_a_grace_and_one_that_moved_away_does_not()
    {
        GenerationPlan plan = Train(1);
        Tell(1, 1);
        _series.Reported(Report(plan) with { Events = [new() { Kind = "checkpoint", Message = "Saved.", Time = DateTimeOffset.UnixEpoch.AddSeconds(1.5) }] }, plan);
        Assert.Equal(1.5, Value("checkpoint.last_success.timestamp"));
        Decide(_record with { Plan = null, State = RunState.Completed });
        Assert.Equal((1, 0, 1), (Value("run.state", "state=completed"), Value("world_size"), Value("step")));
        _time.Advance(SeriesStore.Grace);
        Assert.Empty(_exported.Now());

        new RunSeries(_run, _store, _time).Decided(_record); // another coordinator looks at a run that is over
        Assert.Empty(_exported.Now());

        var other = new RunSeries(_run, _store, _time);
        other.Decided(_record with { State = RunState.Running });
        other.Leave();
        Assert.Contains($"spikeformer.steps run={_run}", _exported.Now().Keys);
        Assert.DoesNotContain($"spikeformer.generation run={_run}", _exported.Now().Keys);
    }

    private double Value(string name, string labels = "") => _exported.Now()[$"spikeformer.{name} run={_run}{(labels == "" ? "" : " ")}{labels}"];

    private void Decide(RunRecord record) => _series.Decided(_record = record);

    /// <summary>The next generation begins.</summary>
    private GenerationPlan Train(long number, long sealedThrough = 0)
    {
        GenerationPlan plan = Some.Plan("a", "b") with { Number = number, SealedThrough = sealedThrough };
        Decide(_record with { State = RunState.Running, Plan = plan, LastNumber = number });
        return plan;
    }

    /// <summary>The lead tells steps of a generation.</summary>
    private void Tell(long generation, params long[] steps) => _series.Reported(Report(_record.Plan!) with
    {
        Commits = [.. steps.Select(step => new StepCommit { Step = step, Epoch = (int)((step - 1) / 44), Samples = 16, Digest = "d", Generation = generation, Top1 = 8 })],
    }, _record.Plan);

    private void Seal(GenerationPlan plan, string worker) =>
        _series.Reported(Some.Report(worker, WorkerPhase.Sealed).In(plan) with { StepsPerEpoch = 44, TrainSamples = 704, Lost = ["c"] }, plan);

    private static MemberReport Report(GenerationPlan plan) => Some.Report("a", WorkerPhase.Computing).In(plan) with { StepsPerEpoch = 44, TrainSamples = 704 };

    private RunStatus Status(params MemberStatus[] members) => new() { Run = _run, State = RunState.Running, Members = members, TotalSteps = 132 };
}
