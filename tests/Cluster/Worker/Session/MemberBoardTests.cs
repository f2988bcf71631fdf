using Microsoft.Extensions.Time.Testing;
using Spikeformer.Contracts;
using Spikeformer.Silo.Worker.Session;
using Xunit;

namespace Spikeformer.Cluster.Worker.Session;

public sealed class MemberBoardTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly MemberBoard _board;

    public MemberBoardTests() => _board = new(Info("a"), _time);

    [Fact]
    public void A_computation_without_peers_is_stuck_when_a_phase_takes_far_longer_than_ever_before()
    {
        Join(Plan("a"));
        _board.Enter(WorkerPhase.Computing, 0);
        Assert.False(IsStuckAfter(seconds: 1000), "no step has been timed yet");
        _board.Enter(WorkerPhase.Reducing, 0);
        _board.Enter(WorkerPhase.Applying, 0);
        Join(Plan("a"));
        for (long step = 0; step < 2; step++)
        {
            _board.Enter(WorkerPhase.Computing, step);
            Assert.False(IsStuckAfter(seconds: 2));
            _board.Enter(WorkerPhase.Applying, step);
        }
        _board.Enter(WorkerPhase.Evaluating, 2);
        Assert.False(IsStuckAfter(seconds: 1000), "no evaluation has been timed yet");
        _board.Enter(WorkerPhase.Computing, 2);
        Assert.False(IsStuckAfter(seconds: 49)); // 30 and ten times 2
        Assert.True(IsStuckAfter(seconds: 2));
    }

    [Fact]
    public void Peers_judge_a_computation_until_the_generation_has_ended()
    {
        Join(Plan("a", "b"));
        _board.Enter(WorkerPhase.Computing, 0);
        Assert.False(IsStuckAfter(seconds: 2));
        _board.Enter(WorkerPhase.Computing, 1);
        Assert.False(IsStuckAfter(seconds: 1000));
        _board.Answered(_board.Compose(), new() { Action = MemberAction.Learn, Plan = Plan("b") with { Number = 2, SealedThrough = 1 } });
        Assert.False(IsStuckAfter(seconds: 29)); // 10 and ten times 2
        Assert.True(IsStuckAfter(seconds: 2));
    }

    [Fact]
    public void Time_when_the_whole_process_stood_still_does_not_count()
    {
        Join(Plan("a"));
        _board.Enter(WorkerPhase.Computing, 0);
        Assert.False(IsStuckAfter(seconds: 1));
        _board.Enter(WorkerPhase.Computing, 1);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.False(_board.IsStuck());
        Assert.True(IsStuckAfter(seconds: 41));
    }

    [Fact]
    public void Lost_and_silent_workers_are_reported_while_the_computation_continues()
    {
        Join(Plan("a", "b", "c"));
        _board.Enter(WorkerPhase.Computing, 0);
        string[] silent = [];
        _board.Watch(() => silent);
        Assert.Equal("lost , silent ", Words());
        silent = ["c"];
        _board.Suspect("b");
        Assert.True(_board.News.Wait(0), "the run must be told at once");
        Assert.Equal("lost b, silent c", Words());
        _board.Seal(lost: ["c"], silent: ["b"]);
        silent = [];
        _board.Suspect("b");
        Assert.Equal("lost c, silent b", Words());
        Join(Plan("a", "c"));
        Assert.Equal("lost , silent ", Words());

        string Words() => _board.Compose() is var report ? $"lost {string.Join(' ', report.Lost)}, silent {string.Join(' ', report.Silent)}" : "";
    }

    [Fact]
    public void Events_are_reported_at_once_and_until_the_run_has_answered()
    {
        Join(Plan("a", "b"));
        while (_board.News.Wait(0)) { }
        _board.Happened("started", "It began", DateTimeOffset.UnixEpoch);
        Assert.True(_board.News.Wait(0));
        MemberReport report = _board.Compose();
        _board.Happened("warning", "The disk is full", DateTimeOffset.UnixEpoch);
        Assert.Equal(["started", "warning"], _board.Compose().Events.Select(what => what.Kind));
        _board.Answered(report, new() { Action = MemberAction.Vote });
        Assert.Equal("warning", Assert.Single(_board.Compose().Events).Kind);
    }

    private void Join(GenerationPlan plan)
    {
        _board.Answered(_board.Compose(), new() { Action = MemberAction.Vote, Plan = plan });
        _board.Join(plan);
    }

    /// <summary>Advances the time, with a check every second as in the control loop.</summary>
    private bool IsStuckAfter(int seconds)
    {
        bool isStuck = false;
        for (int i = 0; i < seconds; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            isStuck = _board.IsStuck();
        }
        return isStuck;
    }

    private static WorkerInfo Info(string worker) => new() { Worker = worker, Incarnation = 1, Device = "cpu:0", Address = "127.0.0.1:1", HostId = "here" };

    private static GenerationPlan Plan(params string[] workers) => new()
    {
        Run = "run", Number = 1, Nonce = Guid.NewGuid(), Secret = [], Shards = workers.Length,
        Members = [.. workers.Select((worker, rank) => new PlanMember { Worker = worker, Incarnation = 1, Rank = rank, FirstShard = rank, EndShard = rank + 1, Address = "127.0.0.1:1", HostId = "here" })],
    };
}
