using Microsoft.Extensions.Time.Testing;
using Spikeformer.Contracts;
using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class RosterTests
{
    private static readonly TimeSpan s_instant = TimeSpan.FromMilliseconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly Roster _roster;
    private readonly GenerationPlan _plan = Some.Plan("a", "b", "c");

    public RosterTests() => _roster = new(_time);

    private RunRecord Running => new() { State = RunState.Running, Plan = _plan };

    [Fact]
    public void A_report_that_was_taken_in_before_changes_nothing()
    {
        Assert.True(_roster.Accept(Some.Report("a", WorkerPhase.Computing, step: 3, sequence: 5)));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(_roster.Accept(Some.Report("a", WorkerPhase.Reducing, step: 4, sequence: 5)));
        Assert.False(_roster.Accept(Some.Report("a", WorkerPhase.Reducing, step: 4, sequence: 4)));
        Assert.Equal((WorkerPhase.Computing, 3), (_roster.ReportOf("a")!.Phase, _roster.ReportOf("a")!.Step));
        Assert.Equal((1, 1), _roster.Ages("a"));
        Assert.True(_roster.Accept(Some.Report("a", WorkerPhase.Reducing, step: 4, sequence: 6)));
        Assert.Equal((0, 0), _roster.Ages("a"));
        Assert.True(_roster.Accept(Some.Report("a", WorkerPhase.Preparing, sequence: 1, incarnation: 2)));
    }

    [Fact]
    public void A_phase_is_as_old_as_its_first_report()
    {
        Say("a", WorkerPhase.Computing, step: 3);
        _time.Advance(TimeSpan.FromSeconds(2));
        Say("a", WorkerPhase.Computing, step: 3);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((3, 1), _roster.Ages("a"));
        Say("a", WorkerPhase.Computing, step: 4);
        Assert.Equal((0, 0), _roster.Ages("a"));
        Assert.Equal((0, 3), _roster.Ages("unknown"));
    }

    [Fact]
    public void Only_what_may_call_for_another_generation_matters_at_once()
    {
        Assert.False(Matters(Some.Report("a", WorkerPhase.Preparing, sequence: 1)));
        Assert.True(Matters(Some.Report("b", WorkerPhase.Ready, sequence: 1)));
        Assert.True(Matters(Some.Report("a", WorkerPhase.Ready, sequence: 3)));
        Assert.False(Matters(Some.Report("a", WorkerPhase.Ready, sequence: 4)));
        Assert.False(Matters(Some.Report("a", WorkerPhase.Learning, sequence: 5)));
        Assert.True(Matters(Some.Report("a", WorkerPhase.Following, sequence: 6)));
        Assert.False(Matters(Some.Report("a", WorkerPhase.Computing, sequence: 7)));
        Assert.True(Matters(Some.Report("a", WorkerPhase.Sealed, sequence: 8)));
        Assert.True(Matters(Some.Report("a", WorkerPhase.Sealed, sequence: 9) with { WantsToLeave = true }));
        Assert.False(Matters(Some.Report("a", WorkerPhase.Ready, sequence: 9)));
        Assert.True(Matters(Some.Report("a", WorkerPhase.Preparing, sequence: 1, incarnation: 2)));
    }

    [Fact]
    public void A_voter_is_lost_when_it_says_nothing_for_five_seconds()
    {
        SayAll(WorkerPhase.Computing);
        _time.Advance(TimeSpan.FromSeconds(3));
        Say("a", WorkerPhase.Computing);
        Say("b", WorkerPhase.Computing);
        _time.Advance(TimeSpan.FromSeconds(2) - s_instant);
        Assert.False(_roster.IsBroken(_plan));
        Assert.Equal(["a", "b", "c"], Names());
        _time.Advance(s_instant);
        Assert.True(_roster.IsBroken(_plan));
        Assert.Equal(["a", "b"], Names());
        Assert.Equal(["a", "b"], _roster.Reports.Select(report => report.Info.Worker));
        Say("c", WorkerPhase.Computing);
        Assert.False(_roster.IsBroken(_plan));
        Assert.Equal(["a", "b", "c"], Names());
    }

    [Fact]
    public void After_a_crash_of_the_coordinator_members_have_five_seconds_to_report_again()
    {
        _time.Advance(TimeSpan.FromSeconds(5) - s_instant);
        Say("b", WorkerPhase.Computing);
        Assert.False(_roster.IsBroken(_plan));
        // Until then nothing is planned, or the first to report would be alone.
        Assert.False(_roster.IsSettled(_plan));
        Assert.Equal(3, _roster.Serving(Running));
        _time.Advance(s_instant);
        Assert.True(_roster.IsBroken(_plan));
        Assert.True(_roster.IsSettled(_plan));
        Assert.Equal(1, _roster.Serving(Running));
    }

    [Fact]
    public void A_restarted_member_is_lost_and_comes_as_somebody_new()
    {
        SayAll(WorkerPhase.Computing);
        _roster.Accept(Some.Report("b", WorkerPhase.Preparing, incarnation: 2));
        Assert.True(_roster.IsBroken(_plan));
        Assert.Equal([("a", true), ("c", true), ("b", false)], Voting());
    }

    [Fact]
    public void Who_is_named_lost_is_lost_until_it_says_something_new()
    {
        SayAll(WorkerPhase.Computing);
        _time.Advance(s_instant);
        Seal("a", lost: ["b", "unknown"]);
        Seal("c", lost: ["b"]);
        _time.Advance(Roster.SealingLimit - s_instant);
        Assert.Equal(["a", "b", "c"], Names());
        _time.Advance(s_instant);
        Assert.Equal(["a", "c"], Names());
        // Alive, and stuck where it was.
        Hear("b");
        Assert.Equal(["a", "c"], Names());
        Seal("b");
        Assert.Equal(["a", "b", "c"], Names());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["a", "b", "c"], Names());
    }

    [Fact]
    public void Who_is_named_lost_by_many_again_and_again_gets_no_more_time()
    {
        SayAll(WorkerPhase.Computing);
        _time.Advance(s_instant);
        Seal("a", lost: ["c"]);
        _time.Advance(Roster.SealingLimit - s_instant);
        Seal("b", lost: ["c"]);
        Seal("a", lost: ["c"]);
        _time.Advance(s_instant);
        Assert.Equal(["a", "b"], Names());
        // A mistaken peer that says the same as before does not take back what its report has corrected.
        Seal("c");
        _time.Advance(s_instant);
        Seal("a", lost: ["c"]);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["a", "b", "c"], Names());
        Seal("a", lost: ["b", "c"]);
        _time.Advance(Roster.SealingLimit);
        Assert.Equal(["a"], Names());
    }

    [Fact]
    public void Nobody_is_lost_on_the_word_of_one_while_another_still_hears_it()
    {
        SayAll(WorkerPhase.Computing);
        Seal("a", lost: ["b"]);
        _time.Advance(TimeSpan.FromMilliseconds(700));
        Hear("b");
        Assert.Equal(["a", "b", "c"], Names());
        _time.Advance(Roster.HearingLimit - TimeSpan.FromMilliseconds(700) - s_instant);
        Assert.Equal(["a", "b", "c"], Names());
        _time.Advance(s_instant); // nobody knows whom c hears now
        Assert.Equal(["a", "c"], Names());
        Hear("c");
        Assert.Equal(["a", "b", "c"], Names());
        _roster.Accept(Next("c", WorkerPhase.Computing).In(_plan) with { Silent = ["b"] });
        Assert.Equal(["a", "c"], Names());
        Hear("c");
        _roster.Accept(Next("c", WorkerPhase.Computing).In(_plan) with { Lost = ["b"] });
        Assert.Equal(["a", "c"], Names());
    }

    [Fact]
    public void Who_has_not_reported_for_a_second_when_it_is_named_lost_gets_no_more_time()
    {
        SayAll(WorkerPhase.Computing);
        _time.Advance(Roster.HearingLimit - s_instant);
        Seal("a", lost: ["c"]);
        Seal("b", lost: ["c"]);
        Assert.False(_roster.IsSettled(_plan));
        _time.Advance(s_instant);
        Assert.True(_roster.IsSettled(_plan));
        Assert.Equal(["a", "b"], Names());
    }

    [Fact]
    public void Two_that_are_named_lost_together_do_not_vouch_for_each_other()
    {
        SayAll(WorkerPhase.Computing);
        Seal("a", lost: ["b"]);
        Seal("a", lost: ["b", "c"]);
        _time.Advance(Roster.SealingLimit);
        Assert.Equal(["a"], Names());
    }

    [Fact]
    public void One_that_is_cut_off_from_two_is_left_behind_though_it_was_the_first_to_seal()
    {
        SayAll(WorkerPhase.Computing);
        Hear("b", silent: "a");
        Hear("c", silent: "a");
        _roster.Accept(Next("a", WorkerPhase.Sealed).In(_plan) with { Lost = ["b", "c"], Silent = ["b", "c"] });
        _time.Advance(Roster.SealingLimit);
        Assert.True(_roster.IsSettled(_plan));
        Assert.Equal([("a", false), ("b", true), ("c", true)], Voting());

        // It is not taken back before it follows the others, and by then it has reached one of them.
        GenerationPlan next = Some.Plan("b", "c") with { Number = 2, SealedThrough = 1 };
        RunRecord record = Running with { Plan = next };
        _roster.Accept(Next("b", WorkerPhase.Computing).In(next));
        _roster.Accept(Next("c", WorkerPhase.Computing).In(next));
        Assert.Equal([("a", false), ("b", true), ("c", true)], Voting(record));
        Say("a", WorkerPhase.Learning);
        Assert.Equal([("b", true), ("c", true), ("a", false)], Voting(record));
        Say("a", WorkerPhase.Following);
        Assert.Equal([("a", true), ("b", true), ("c", true)], Voting(record));
    }

    [Fact]
    public void A_pause_that_passes_before_anybody_seals_leaves_nobody_behind()
    {
        SayAll(WorkerPhase.Computing);
        Hear("b", silent: "a");
        Hear("c", silent: "a");
        Assert.Equal([("a", true), ("b", true), ("c", true)], Voting());
    }

    [Fact]
    public void Who_is_named_lost_by_a_member_that_has_not_sealed_is_not()
    {
        SayAll(WorkerPhase.Computing);
        _time.Advance(s_instant);
        _roster.Accept(Next("a", WorkerPhase.Computing) with { Lost = ["b"] });
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["a", "b", "c"], Names());
    }

    [Fact]
    public void A_generation_is_broken_as_soon_as_one_member_has_sealed_it()
    {
        SayAll(WorkerPhase.Computing);
        Assert.False(_roster.IsBroken(_plan));
        _roster.Accept(Next("a", WorkerPhase.Sealed));
        Assert.False(_roster.IsBroken(_plan));
        _roster.Accept(Next("a", WorkerPhase.Sealed) with { Generation = _plan.Number, Nonce = Guid.NewGuid() });
        Assert.False(_roster.IsBroken(_plan));
        Seal("a");
        Assert.True(_roster.IsBroken(_plan));
        Assert.False(_roster.IsBroken(null));
    }

    [Fact]
    public void A_broken_generation_is_settled_when_all_survivors_have_sealed_it()
    {
        SayAll(WorkerPhase.Computing);
        Assert.True(_roster.IsSettled(_plan));
        Assert.True(_roster.IsSettled(null));
        _time.Advance(s_instant);
        Seal("a", lost: ["c"]);
        Assert.False(_roster.IsSettled(_plan));
        Seal("b");
        Assert.False(_roster.IsSettled(_plan));
        _roster.Accept(Some.Report("c", WorkerPhase.Preparing, incarnation: 2));
        Assert.True(_roster.IsSettled(_plan));
    }

    [Fact]
    public void A_broken_generation_is_settled_when_the_others_have_had_their_time()
    {
        SayAll(WorkerPhase.Computing);
        Seal("a");
        _time.Advance(Roster.SealingLimit - s_instant);
        Seal("a");
        Assert.False(_roster.IsSettled(_plan));
        _time.Advance(s_instant);
        Assert.True(_roster.IsSettled(_plan));
    }

    [Fact]
    public void A_new_coordinator_plans_as_soon_as_all_members_have_reported()
    {
        Say("a", WorkerPhase.Computing);
        Say("c", WorkerPhase.Computing);
        Assert.False(_roster.IsSettled(_plan));
        Say("b", WorkerPhase.Computing);
        Assert.True(_roster.IsSettled(_plan));
    }

    [Fact]
    public void A_new_coordinator_does_not_wait_for_one_that_was_lost_with_the_old()
    {
        Seal("a", lost: ["c"]);
        Seal("b", lost: ["c"]);
        Assert.False(_roster.IsSettled(_plan));
        _time.Advance(Roster.SealingLimit);
        Assert.True(_roster.IsSettled(_plan));
        Assert.Equal(["a", "b"], Names());
    }

    [Theory]
    [InlineData(WorkerPhase.Idle, false)]
    [InlineData(WorkerPhase.Preparing, false)]
    [InlineData(WorkerPhase.Ready, false)]
    [InlineData(WorkerPhase.Learning, false)]
    [InlineData(WorkerPhase.Following, true)]
    [InlineData(WorkerPhase.Done, false)]
    public void Beside_members_only_those_who_follow_can_vote(WorkerPhase phase, bool canVote)
    {
        SayAll(WorkerPhase.Computing);
        Say("d", phase);
        Assert.Equal([("a", true), ("b", true), ("c", true), ("d", canVote)], Voting());
    }

    [Theory]
    [InlineData(WorkerPhase.Idle, 0, false)]
    [InlineData(WorkerPhase.Preparing, 0, false)]
    [InlineData(WorkerPhase.Ready, 0, true)]
    [InlineData(WorkerPhase.Ready, 5, true)]
    // All whom it could learn from are lost: it begins from the last checkpoint.
    [InlineData(WorkerPhase.Learning, 0, true)]
    [InlineData(WorkerPhase.Following, 5, true)]
    // It was taken for lost and does not know it yet: it goes on alone until it hears of the next generation.
    [InlineData(WorkerPhase.Computing, 5, true)]
    [InlineData(WorkerPhase.Reducing, 5, true)]
    [InlineData(WorkerPhase.Applying, 5, true)]
    [InlineData(WorkerPhase.Evaluating, 5, true)]
    [InlineData(WorkerPhase.Saving, 5, true)]
    [InlineData(WorkerPhase.Sealed, 5, true)]
    [InlineData(WorkerPhase.Sealed, 0, true)]
    [InlineData(WorkerPhase.Done, 5, false)]
    public void A_run_that_waits_goes_on_with_the_only_worker_there_is(WorkerPhase phase, long step, bool canVote)
    {
        var record = new RunRecord { Spec = Some.Spec(), Shards = 4, State = RunState.WaitingForWorkers, LastNumber = 3, Fingerprint = Some.Numerics };
        Say("a", phase, step);
        Assert.Equal([("a", canVote)], Voting(record));
        Decision decision = RunTransitions.Plan(record, _roster.Candidates(record), _roster.IsBroken(null), Some.Numerics, Some.Noon);
        Assert.Equal(canVote ? RunState.Running : RunState.WaitingForWorkers, decision.Record.State);
        Assert.Equal(canVote ? ["a"] : [], (decision.Record.Plan?.Members ?? []).Select(member => member.Worker));
    }

    [Fact]
    public void Where_nobody_trains_newcomers_vote_at_once_behind_those_who_hold_the_state()
    {
        var record = new RunRecord { Spec = Some.Spec(minWorkers: 2), Shards = 4, State = RunState.WaitingForWorkers, Fingerprint = Some.Numerics };
        Say("new", WorkerPhase.Ready);
        Say("early", WorkerPhase.Preparing);
        Say("old", WorkerPhase.Sealed, step: 7);
        Assert.Equal([("old", true), ("new", true), ("early", false)], Voting(record));
        Decision decision = RunTransitions.Plan(record, _roster.Candidates(record), false, null, Some.Noon);
        Assert.Equal(["old", "new"], decision.Record.Plan!.Members.Select(member => member.Worker));
    }

    [Fact]
    public void When_all_members_are_lost_those_who_have_prepared_begin_again()
    {
        SayAll(WorkerPhase.Computing);
        _time.Advance(Roster.SilenceLimit);
        Say("d", WorkerPhase.Learning);
        Say("e", WorkerPhase.Ready);
        Say("f", WorkerPhase.Preparing);
        Assert.Equal([("d", true), ("e", true), ("f", false)], Voting());
        Say("c", WorkerPhase.Sealed);
        Assert.Equal([("c", true), ("d", false), ("e", false), ("f", false)], Voting());
    }

    [Fact]
    public void A_worker_with_other_numerics_is_no_candidate()
    {
        var other = new Dictionary<string, string> { ["isa"] = "avx512", ["threads"] = "1" };
        RunRecord record = Running with { Fingerprint = Some.Numerics };
        SayAll(WorkerPhase.Computing);
        _roster.Accept(Some.Report("d", WorkerPhase.Following) with { Fingerprint = other });
        Assert.Equal([("a", true), ("b", true), ("c", true)], Voting(record));
        _roster.Candidates(record, out IReadOnlyDictionary<string, string> leftOut);
        Assert.Equal(new Dictionary<string, string> { ["d"] = "left out: isa is avx512 here and avx2 in the run; use processors of one kind, or the same limit on all silos" }, leftOut);
        _roster.Accept(Some.Report("e", WorkerPhase.Preparing) with { Fingerprint = new Dictionary<string, string>() });
        Assert.Equal([("a", true), ("b", true), ("c", true), ("e", false)], Voting(record));
    }

    [Fact]
    public void Already_the_first_generation_has_one_numerics()
    {
        var other = new Dictionary<string, string> { ["isa"] = "avx512", ["threads"] = "1" };
        _roster.Accept(Some.Report("early", WorkerPhase.Preparing) with { Fingerprint = new Dictionary<string, string>() });
        Say("a", WorkerPhase.Ready);
        _roster.Accept(Some.Report("b", WorkerPhase.Ready) with { Fingerprint = other });
        Say("c", WorkerPhase.Ready);
        Assert.Equal([("early", false), ("a", true), ("c", true)], Voting(new() { State = RunState.Created }));
        _roster.Candidates(new() { State = RunState.Created }, out IReadOnlyDictionary<string, string> leftOut);
        Assert.Equal(["b"], leftOut.Keys);
    }

    [Fact]
    public void A_worker_that_failed_is_no_candidate()
    {
        SayAll(WorkerPhase.Computing);
        _roster.Accept(Some.Report("d", WorkerPhase.Following) with { Failure = Some.Failure("d") });
        Assert.Equal(["a", "b", "c"], Names());
    }

    [Fact]
    public void Candidates_tell_memory_and_leaving_and_come_in_the_order_of_arrival()
    {
        Say("z", WorkerPhase.Ready);
        _roster.Accept(Some.Report("y", WorkerPhase.Ready) with { Capacity = 3 });
        Say("x", WorkerPhase.Ready);
        _roster.Accept(Next("z", WorkerPhase.Ready) with { WantsToLeave = true });
        Assert.Equal([("z", int.MaxValue, true), ("y", 3, false), ("x", int.MaxValue, false)],
            _roster.Candidates(new()).Select(candidate => (candidate.Info.Worker, candidate.Capacity, candidate.WantsToLeave)));
        Assert.Equal(2, _roster.Serving(new()));
        _roster.Remove("y");
        Assert.Equal(["z", "x"], _roster.Candidates(new()).Select(candidate => candidate.Info.Worker));
        Assert.Null(_roster.ReportOf("y"));
    }

    private bool Matters(MemberReport report)
    {
        _roster.Accept(report, out bool mattersAtOnce);
        return mattersAtOnce;
    }

    private void SayAll(WorkerPhase phase)
    {
        foreach (PlanMember member in _plan.Members) Assert.True(_roster.Accept(Next(member.Worker, phase).In(_plan)));
    }

    private void Hear(string worker, params string[] silent) =>
        Assert.True(_roster.Accept(Next(worker, WorkerPhase.Computing).In(_plan) with { Silent = silent }));

    private void Say(string worker, WorkerPhase phase, long step = 0) => Assert.True(_roster.Accept(Next(worker, phase, step)));

    private void Seal(string worker, params string[] lost) =>
        Assert.True(_roster.Accept(Next(worker, WorkerPhase.Sealed).In(_plan) with { Lost = lost }));

    private MemberReport Next(string worker, WorkerPhase phase, long step = 0) =>
        Some.Report(worker, phase, step, sequence: (_roster.ReportOf(worker)?.Sequence ?? 0) + 1);

    private string[] Names() => [.. _roster.Candidates(Running).Select(candidate => candidate.Info.Worker)];

    private (string, bool)[] Voting(RunRecord? record = null) =>
        [.. _roster.Candidates(record ?? Running).Select(candidate => (candidate.Info.Worker, candidate.CanVote))];
}
