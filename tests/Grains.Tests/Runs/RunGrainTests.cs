using Spikeformer.Contracts;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;
using static Spikeformer.Contracts.RunState;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class RunGrainTests(TestSilo silo) : IClassFixture<TestSilo>
{
    private static int s_names;
    private readonly string _name = $"run-{Interlocked.Increment(ref s_names)}";

    private IRunGrain Run => silo.Grains.GetGrain<IRunGrain>(_name);

    private RunRecord Stored => silo.Storage.Of<RunRecord>(Run);

    [Fact]
    public async Task Before_its_first_commit_a_run_stands_at_the_step_that_it_begins_with()
    {
        await Run.Start(Command(), Some.Spec(_name) with { InitFrom = "/w.pth", StartEpoch = 2 });
        Assert.Equal((0, 0), ((await Run.Status()).Step, (await Run.Status()).TotalSteps));
        await new FakeWorker(Run, "a").Report(WorkerPhase.Ready);
        Assert.Equal((88, 132), ((await Run.Status()).Step, (await Run.Status()).TotalSteps));
    }

    [Fact]
    public async Task A_run_lives_from_its_start_to_its_end()
    {
        Assert.Equal(None, (await Run.Status()).State);
        CommandReply accepted = await Start(workers: 2);
        Assert.Equal((null, 0, Created), (accepted.Refusal, accepted.ExitCode, accepted.Status.State));

        FakeWorker a = new(Run, "a"), b = new(Run, "b");
        MemberOrder first = await a.Report(WorkerPhase.Idle);
        Assert.Equal((MemberAction.Wait, _name), (first.Action, first.Spec!.Name));
        Assert.Equal(MemberAction.Wait, (await a.Report(WorkerPhase.Ready)).Action);
        Assert.Equal("1 of 2 workers ready", (await Run.Status()).WaitingFor);
        Assert.Equal(MemberAction.Vote, (await b.Report(WorkerPhase.Ready)).Action);
        Assert.Equal(MemberAction.Vote, (await a.Report(WorkerPhase.Ready)).Action);
        Assert.True(a.Plan!.IsSameAs(b.Plan));
        Assert.Equal([("a", 0, 2), ("b", 2, 4)], a.Plan.Members.Select(member => (member.Worker, member.FirstShard, member.EndShard)));
        MemberOrder known = await a.Report(WorkerPhase.Computing);
        Assert.Equal((MemberAction.Vote, true, null), (known.Action, known.IsPlanKnown, known.Plan));
        Assert.Null(known.Spec);

        await a.Commit(2, 1, 2);
        // A report whose answer was lost comes again, and so do commits that another lead told before.
        await a.Send(a.Last!);
        await a.Commit(3, 2, 3);
        await a.Report(WorkerPhase.Computing, 3, report => report with { Epochs = [new() { Epoch = 0, TestAccuracy = 0.5 }] });
        RunStatus status = await Run.Status();
        Assert.Equal((Running, 3, 44, 132, "d3", 0.5), (status.State, status.Step, status.StepsPerEpoch, status.TotalSteps, status.LastCommit!.Digest, status.LastEpoch!.TestAccuracy));
        RunNews news = await Run.News(new() { Step = 1, Epochs = 1 });
        Assert.Equal([2, 3], news.Commits.Select(commit => commit.Step));
        Assert.Empty(news.Epochs);

        await b.Report(WorkerPhase.Done, 132);
        Assert.Equal(MemberAction.Release, (await a.Report(WorkerPhase.Done, 132, report => report with { Outcome = Some.Outcome(Completed, 132) })).Action);
        Assert.Equal(MemberAction.Release, (await b.Report(WorkerPhase.Done, 132)).Action);
        status = await Run.Status();
        Assert.Equal((Completed, 132, null), (status.State, status.Outcome!.Step, status.WaitingFor));
        Assert.Empty(status.Members);
        Assert.Equal(["accepted", "generation", "completed"], a.Log.Select(what => what.Kind));
        Assert.Empty(b.Log);

        Assert.Equal(4, (await Run.Resume(Command(), RunChanges.None)).ExitCode);
        Assert.Equal(Completed, (await Run.Stop(Command())).Status.State);
    }

    [Fact]
    public async Task After_a_return_to_a_checkpoint_the_run_stands_where_it_computes_now()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        await a.Commit(4, 1, 2, 3, 4);
        (a, b) = (new(Run, "a", incarnation: 2), new(Run, "b", incarnation: 2));
        await a.Report(WorkerPhase.Ready);
        await b.Report(WorkerPhase.Ready);
        await a.Report(WorkerPhase.Ready);
        await a.Commit(3, 3);
        Assert.Equal((3, a.Plan!.Number), ((await Run.Status()).Step, (await Run.Status()).LastCommit!.Generation));
        Assert.Equal([1, 2, 3], (await Run.News(new())).Commits.Select(commit => commit.Step));
        await a.Commit(5, 4, 5);
        Assert.Equal([1, 2, 3, 4, 5], (await Run.News(new())).Commits.Select(commit => commit.Step));
        await a.Report(WorkerPhase.Done, 4, report => report with { Outcome = Some.Outcome(Completed, 4) });
        Assert.Equal(4, (await Run.Status()).Step);
    }

    [Fact]
    public async Task A_stop_lets_the_members_save_and_a_resume_goes_on_with_a_larger_generation()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        Assert.Equal(Stopping, (await Run.Stop(Command())).Status.State);
        Assert.Equal(MemberAction.Stop, (await a.Report(WorkerPhase.Computing, 5)).Action);
        Assert.Equal(MemberAction.Stop, (await b.Report(WorkerPhase.Computing, 5)).Action);
        Assert.Equal(MemberAction.Release, (await new FakeWorker(Run, "c").Report(WorkerPhase.Idle)).Action);
        await a.Report(WorkerPhase.Done, 6, report => report with { Outcome = Some.Outcome(Stopped, 6) });
        Assert.Equal((Stopped, 6), ((await Run.Status()).State, (await Run.Status()).Step));
        Assert.Equal(MemberAction.Release, (await b.Report(WorkerPhase.Done, 6)).Action);

        CommandReply resumed = await Run.Resume(Command(), RunChanges.None);
        Assert.Equal((0, Created, null), (resumed.ExitCode, resumed.Status.State, resumed.Status.Outcome));
        (a, b) = (new(Run, "a", incarnation: 2), new(Run, "b", incarnation: 2));
        Assert.True((await a.Report(WorkerPhase.Idle)).Spec!.IsResume);
        await a.Report(WorkerPhase.Ready);
        await b.Report(WorkerPhase.Ready);
        Assert.Equal(2, b.Plan!.Number);
    }

    [Fact]
    public async Task Who_still_serves_an_earlier_start_is_let_go_and_its_failure_is_not_the_new_ones()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        Guid first = Stored.Spec!.StartId;
        await a.Report(WorkerPhase.Computing, 5, report => report with { StartId = first, Failure = Some.Failure("a") });
        Assert.Equal(Failed, (await Run.Status()).State);
        await Run.Resume(Command(), RunChanges.None);
        MemberOrder order = await b.Report(WorkerPhase.Computing, 5, report => report with { StartId = first, Failure = Some.Failure("b") });
        Assert.Equal(MemberAction.Release, order.Action);
        Assert.Equal((Created, null), ((await Run.Status()).State, (await Run.Status()).Failure));
        Assert.Empty((await Run.Status()).Members);
    }

    [Fact]
    public async Task A_cancelled_run_lets_everybody_go_and_its_lead_logs_why()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        Assert.Equal(Cancelled, (await Run.Cancel(Command())).Status.State);
        Assert.Equal(MemberAction.Release, (await b.Report(WorkerPhase.Computing)).Action);
        MemberOrder order = await a.Report(WorkerPhase.Computing);
        Assert.Equal((MemberAction.Release, null), (order.Action, order.Plan));
        Assert.Equal("cancelled", a.Log[^1].Kind);
        Assert.Null(Stored.Plan);
    }

    [Fact]
    public async Task A_members_failure_ends_the_run_with_its_reason_but_a_learners_does_not()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        var learner = new FakeWorker(Run, "c");
        Assert.Equal(MemberAction.Learn, (await learner.Report(WorkerPhase.Learning, 0, report => report with { Failure = Some.Failure("c") })).Action);
        Assert.Equal(Running, (await Run.Status()).State);
        await b.Report(WorkerPhase.Computing, 3, report => report with { Failure = Some.Failure("b") });
        RunStatus status = await Run.Status();
        Assert.Equal((Failed, "b"), (status.State, status.Failure!.Worker));
        MemberOrder order = await a.Report(WorkerPhase.Computing);
        Assert.Equal((MemberAction.Release, "It broke. Mend it."), (order.Action, order.Reason));
        Assert.Equal("failed", a.Log[^1].Kind);
        Assert.Equal(0, (await Run.Resume(Command(), RunChanges.None)).ExitCode);
    }

    [Fact]
    public async Task A_command_is_carried_out_once_whatever_happens_to_its_answer()
    {
        RunCommand start = Command(), stop = Command();
        Assert.Equal(0, (await Run.Start(start, Some.Spec(_name))).ExitCode);
        Assert.Equal(0, (await Run.Start(start, Some.Spec(_name))).ExitCode);
        Assert.Equal(4, (await Run.Start(Command(), Some.Spec(_name))).ExitCode);
        Assert.Equal(Stopped, (await Run.Stop(stop)).Status.State);
        Assert.Equal(0, (await Run.Start(Command(), Some.Spec(_name))).ExitCode);
        await silo.DeactivateAsync(Run);
        Assert.Equal(Created, (await Run.Stop(stop)).Status.State);
        Assert.Equal(["accepted", "stopped", "accepted"], await Kinds());
    }

    [Fact]
    public async Task What_cannot_be_is_refused_with_its_exit_code()
    {
        Assert.Equal(3, (await Run.Stop(Command())).ExitCode);
        Assert.Equal(3, (await Run.Cancel(Command())).ExitCode);
        Assert.Equal(3, (await Run.Resume(Command(), RunChanges.None)).ExitCode);
        CommandReply otherName = await Run.Start(Command(), Some.Spec("other"));
        Assert.Equal((2, $"Run {_name} cannot start under the name other", "Use one name"), (otherName.ExitCode, otherName.Refusal, otherName.Remedy));
        Assert.Equal(None, (await Run.Status()).State);
    }

    [Fact]
    public async Task A_plan_whose_write_lost_the_race_is_told_to_nobody()
    {
        await Start(workers: 2);
        FakeWorker a = new(Run, "a"), b = new(Run, "b");
        await a.Report(WorkerPhase.Ready);
        silo.Storage.Overtake<RunRecord>(Run, record => record with { LastNumber = 6 });
        await Assert.ThrowsAnyAsync<Exception>(() => b.Report(WorkerPhase.Ready));
        Assert.Equal((Created, null, 6), (Stored.State, Stored.Plan, Stored.LastNumber));
        await silo.WaitForDeactivationAsync(Run);

        // Another activation decides, by what is stored, once the workers have reported again.
        await b.Send(b.Last!);
        await a.Report(WorkerPhase.Ready);
        Assert.Equal(7, a.Plan!.Number);
        Assert.Equal(["b", "a"], a.Plan.Members.Select(member => member.Worker));
        Assert.True(a.Plan.IsSameAs(Stored.Plan));
    }

    [Fact]
    public async Task A_write_that_failed_leaves_nothing_behind()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        silo.Storage.FailNextWrite(Run);
        await Assert.ThrowsAnyAsync<Exception>(() => a.Report(WorkerPhase.Done, 9, report => report with { Outcome = Some.Outcome(Completed) }));
        await silo.WaitForDeactivationAsync(Run);
        Assert.Equal(Running, (await Run.Status()).State);
        await a.Send(a.Last!);
        Assert.Equal(Completed, (await Run.Status()).State);
        Assert.Equal(["accepted", "generation", "completed"], await Kinds());
        Assert.Equal(MemberAction.Release, (await b.Report(WorkerPhase.Done)).Action);
    }

    [Fact]
    public async Task Events_are_numbered_without_gaps_and_outlive_the_coordinator()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        await b.Tell("one");
        // Asked again, it is not told again.
        await b.Send(b.Last!);
        await silo.DeactivateAsync(Run);
        Assert.Equal(["accepted", "generation", "one"], await Kinds());
        await b.Tell("two");
        await a.Tell("three");
        await a.Report(WorkerPhase.Computing);
        Assert.Equal(["accepted", "generation", "one", "two", "three"], a.Log.Select(what => what.Kind));
        Assert.Equal([1, 2, 3, 4, 5], a.Log.Select(what => what.Sequence));
        Assert.Equal([null, null, "b", "b", "a"], a.Log.Select(what => what.Worker));
        RunNews news = await Run.News(new() { Event = 3 });
        Assert.Equal([4, 5], news.Events.Select(what => what.Sequence));
    }

    [Fact]
    public async Task A_new_coordinator_keeps_the_generation_and_numbers_the_next_one_higher()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        GenerationPlan plan = a.Plan!;
        await silo.DeactivateAsync(Run);
        MemberOrder order = await b.Report(WorkerPhase.Computing, 3);
        Assert.Equal((MemberAction.Vote, true), (order.Action, order.IsPlanKnown));
        await a.Report(WorkerPhase.Sealed, 3, report => report with { Lost = ["b"] });
        await b.Report(WorkerPhase.Sealed, 3, report => report with { Lost = ["a"] });
        await a.Report(WorkerPhase.Sealed, 3);
        Assert.Equal(plan.Number + 1, b.Plan!.Number);
        Assert.Equal(["a", "b"], b.Plan.Members.Select(member => member.Worker));
        Assert.True(b.Plan.IsSameAs(a.Plan));
    }

    [Fact]
    public async Task A_silent_member_is_left_out_and_its_place_is_free_for_another()
    {
        (FakeWorker a, _) = await Train();
        silo.Time.Advance(Roster.SilenceLimit);
        await Eventually.HoldsAsync("the next generation is a's alone", async () =>
        {
            await a.Report(WorkerPhase.Sealed, 3);
            return a.Plan is { Number: > 1, Members: [{ Worker: "a" }] };
        });
        await Eventually.HoldsAsync("the run wants one more", async () => (await Entry()).WantedWorkers == 1);
        var c = new FakeWorker(Run, "c");
        Assert.Equal(MemberAction.Learn, (await c.Report(WorkerPhase.Idle)).Action);
        await Eventually.HoldsAsync("the run wants nobody more", async () =>
        {
            await a.Report(WorkerPhase.Computing, 3);
            await c.Report(WorkerPhase.Learning);
            return (await Entry()).WantedWorkers == 0;
        });
        Assert.Equal(MemberAction.Vote, (await c.Report(WorkerPhase.Following, 3)).Action);
        Assert.Equal(["a", "c"], c.Plan!.Members.Select(member => member.Worker));
    }

    [Fact]
    public async Task The_place_of_a_worker_that_leaves_is_free_at_once_and_one_that_is_refused_takes_none()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        MemberOrder refused = await new FakeWorker(Run, "odd").Report(WorkerPhase.Ready, 0, Odd);
        Assert.Equal((MemberAction.Wait, OddReason), (refused.Action, refused.Reason));
        // The step under way needs it: it votes until both have changed over.
        Assert.Equal(MemberAction.Vote, (await b.Report(WorkerPhase.Computing, 3, report => report with { WantsToLeave = true })).Action);
        await Eventually.HoldsAsync("the run wants one more", async () =>
        {
            await a.Report(WorkerPhase.Computing, 3);
            return (await Entry()).WantedWorkers == 1;
        });
        Assert.Equal(["a"], a.Plan!.Members.Select(member => member.Worker));
        Assert.Equal(MemberAction.Vote, (await b.Report(WorkerPhase.Computing, 3, report => report with { WantsToLeave = true })).Action);
        Assert.Equal(MemberAction.Release, (await b.Report(WorkerPhase.Ready, 4, report => report with { WantsToLeave = true })).Action);
    }

    [Fact]
    public async Task A_worker_that_is_left_out_is_told_why_in_every_reply_and_the_log_once()
    {
        (FakeWorker a, _) = await Train();
        var odd = new FakeWorker(Run, "odd");
        Assert.Equal(OddReason, (await odd.Report(WorkerPhase.Ready, 0, Odd)).Reason);
        // The run knows the fingerprint by now, so that reports do not repeat it.
        MemberOrder again = await odd.Report(WorkerPhase.Ready, 0, report => report with { Fingerprint = new Dictionary<string, string>() });
        Assert.Equal((MemberAction.Wait, OddReason), (again.Action, again.Reason));
        Assert.Null((await a.Report(WorkerPhase.Computing)).Reason);
        ClusterEvent left = Assert.Single((await Run.News(new())).Events, what => what.Kind == "leftOut");
        Assert.Equal(("odd", $"Worker odd is {OddReason}"), (left.Worker, left.Message));
        Assert.Equal(OddReason, (await Run.Status()).Members.Single(member => member.Worker == "odd").LeftOut);

        // A new coordinator finds the event in what is stored.
        await silo.DeactivateAsync(Run);
        await a.Report(WorkerPhase.Computing);
        await new FakeWorker(Run, "b").Report(WorkerPhase.Computing);
        Assert.Equal(OddReason, (await odd.Report(WorkerPhase.Ready, 0, report => Odd(report with { Sequence = 9 }))).Reason);
        Assert.Single((await Run.News(new())).Events, what => what.Kind == "leftOut");
        // Another start of the run tells it again.
        await Run.Cancel(Command());
        await Run.Resume(Command(), RunChanges.None);
        await new FakeWorker(Run, "a", incarnation: 2).Report(WorkerPhase.Ready);
        await new FakeWorker(Run, "odd", incarnation: 2).Report(WorkerPhase.Ready, 0, Odd);
        Assert.Equal(2, (await Run.News(new())).Events.Count(what => what.Kind == "leftOut"));
    }

    [Fact]
    public async Task Workers_with_too_little_memory_are_told_and_train_as_soon_as_another_joins()
    {
        await Start(workers: 0);
        silo.Time.Advance(TimeSpan.FromSeconds(10));
        FakeWorker a = new(Run, "a"), b = new(Run, "b");
        await a.Report(WorkerPhase.Ready, 0, report => report with { Capacity = 3 });
        const string shortage = "3 of 4 shards fit into the memory of 1 worker; add workers or memory";
        MemberOrder waiting = await a.Report(WorkerPhase.Ready, 0, report => report with { Capacity = 3 });
        Assert.Equal((MemberAction.Wait, shortage), (waiting.Action, waiting.Reason));
        Assert.Equal((WaitingForWorkers, shortage), ((await Run.Status()).State, (await Run.Status()).WaitingFor));
        Assert.Equal(shortage, (await Run.News(new())).Events[^1].Message);
        // The memory that is free changes all the time. The reason stays, so that workers log it once.
        await a.Report(WorkerPhase.Ready, 0, report => report with { Capacity = 2 });
        await Eventually.HoldsAsync("the status shows the new number", async () => (await Run.Status()).WaitingFor!.StartsWith("2 of 4 shards"));
        Assert.Equal(shortage, (await a.Report(WorkerPhase.Ready, 0, report => report with { Capacity = 2 })).Reason);

        MemberOrder order = await b.Report(WorkerPhase.Ready);
        Assert.Equal((MemberAction.Vote, null), (order.Action, order.Reason));
        Assert.Equal([("a", 0, 2), ("b", 2, 4)], b.Plan!.Members.Select(member => (member.Worker, member.FirstShard, member.EndShard)));
    }

    [Fact]
    public async Task A_run_that_waits_for_workers_tells_when_it_waits_for_memory_instead()
    {
        await Start(workers: 0, minWorkers: 2);
        silo.Time.Advance(TimeSpan.FromSeconds(10));
        FakeWorker a = new(Run, "a"), b = new(Run, "b");
        await a.Report(WorkerPhase.Ready, 0, report => report with { Capacity = 1 });
        await b.Report(WorkerPhase.Ready, 0, report => report with { Capacity = 2 });
        await b.Report(WorkerPhase.Ready, 0, report => report with { Capacity = 1 });
        await a.Report(WorkerPhase.Ready, 0, report => report with { Capacity = 1 });
        Assert.Equal(["1 of 2 workers ready", "3 of 4 shards fit into the memory of 2 workers; add workers or memory"],
            (await Run.News(new())).Events.Where(what => what.Kind == "waitingForWorkers").Select(what => what.Message));
    }

    [Fact]
    public async Task Events_name_the_user_of_a_command()
    {
        await Start(workers: 2);
        await Run.Stop(Command());
        Assert.Equal([("accepted", "test"), ("stopped", "test")], (await Run.News(new())).Events.Select(what => (what.Kind, what.By!)));
    }

    [Fact]
    public async Task When_too_many_leave_the_rest_saves_waits_and_goes_on_with_a_newcomer()
    {
        (FakeWorker a, FakeWorker b) = await Train(minWorkers: 2);
        Assert.Equal(MemberAction.Stop, (await b.Report(WorkerPhase.Computing, 5, report => report with { WantsToLeave = true })).Action);
        Assert.Equal(MemberAction.Stop, (await a.Report(WorkerPhase.Computing, 5)).Action);
        MemberOrder saved = await a.Report(WorkerPhase.Done, 6, report => report with { Outcome = Some.Outcome(Stopped, 6) });
        Assert.Equal((MemberAction.Wait, null, false), (saved.Action, saved.Plan, saved.IsPlanKnown));
        Assert.Equal(WaitingForWorkers, (await Run.Status()).State);
        Assert.Equal(MemberAction.Release, (await b.Report(WorkerPhase.Done, 6, report => report with { WantsToLeave = true })).Action);

        Assert.Equal(MemberAction.Wait, (await a.Report(WorkerPhase.Ready, 6)).Action);
        var c = new FakeWorker(Run, "c");
        Assert.Equal(MemberAction.Vote, (await c.Report(WorkerPhase.Ready)).Action);
        Assert.Equal(["a", "c"], c.Plan!.Members.Select(member => member.Worker));
        Assert.Equal(Running, (await Run.Status()).State);
    }

    [Fact]
    public async Task A_run_that_waits_goes_on_by_itself_with_the_last_survivor()
    {
        (FakeWorker a, _) = await Train(minWorkers: 2);
        await silo.DeactivateAsync(Run);
        silo.Storage.Overtake<RunRecord>(Run, record => record with { State = WaitingForWorkers, Plan = null, Spec = record.Spec! with { MinWorkers = 1 } });
        Assert.Equal(MemberAction.Vote, (await a.Report(WorkerPhase.Sealed, 7)).Action);
        Assert.Equal((2, "a"), (a.Plan!.Number, a.Plan.Members.Single().Worker));
    }

    [Fact]
    public async Task Shards_and_directory_show_how_the_run_stands()
    {
        (FakeWorker a, FakeWorker b) = await Train();
        await a.Commit(3, 1, 2, 3);
        await Eventually.HoldsAsync("shard 3 has heard of step 3", async () =>
        {
            // Both are alive all the while.
            await a.Report(WorkerPhase.Computing, 3);
            await b.Report(WorkerPhase.Computing, 3, report => report with { SecondsPerShard = 0.5 });
            // The news of the step may come before that of the speed.
            return await Shard(3) is { Committed.Count: 12, SecondsPerStep: > 0 };
        });
        ShardStatus shard = await Shard(3);
        Assert.Equal((3, "b", 0.5, 0, 12L), (shard.Shard, shard.Owner, shard.SecondsPerStep, shard.Epoch, shard.CommittedInAll));
        Assert.Equal("a", (await Shard(1)).Owner);
        RunEntry entry = await Entry();
        Assert.Equal((Running, 2, 0, 3, 132), (entry.State, entry.Workers, entry.WantedWorkers, entry.Step, entry.TotalSteps));
    }

    [Fact]
    public async Task A_shard_ignores_older_news()
    {
        IShardGrain shard = silo.Grains.GetGrain<IShardGrain>($"{_name}/2");
        var basis = new LedgerBasis { Seed = 1, Samples = 64, Batch = 16, Shards = 4 };
        await shard.Update(new() { Generation = 2, Owner = "b", Step = 3, Basis = basis });
        await shard.Update(new() { Generation = 1, Owner = "a", Step = 4 });
        await shard.Update(new() { Generation = 2, Owner = "a", Step = 2 });
        Assert.Equal(("b", 12), ((await shard.Status()).Owner, (await shard.Status()).Committed.Count));
        await shard.Update(new() { Generation = 3, Owner = null, Step = 0 });
        // A coordinator that does not know the data yet takes nothing away.
        Assert.Equal((2, null, 0, 0L), ((await shard.Status()).Shard, (await shard.Status()).Owner, (await shard.Status()).Committed.Count, (await shard.Status()).CommittedInAll));
        await shard.Update(new() { Generation = 3, Owner = "c", Step = 4 });
        Assert.Equal((1, 16L), ((await shard.Status()).Epoch, (await shard.Status()).CommittedInAll));
    }

    private Task<CommandReply> Start(int workers, int minWorkers = 1) => Run.Start(Command(), Some.Spec(_name, workers, minWorkers));

    private const string OddReason = "left out: isa is avx512 here and avx2 in the run; use processors of one kind, or the same limit on all silos";

    private static MemberReport Odd(MemberReport report) => report with { Fingerprint = new Dictionary<string, string>(Some.Numerics) { ["isa"] = "avx512" } };

    private static RunCommand Command() => new() { Id = Guid.NewGuid(), By = "test" };

    /// <summary>Two workers in the first generation, a as its lead.</summary>
    private async Task<(FakeWorker, FakeWorker)> Train(int minWorkers = 1)
    {
        await Start(workers: 2, minWorkers);
        FakeWorker a = new(Run, "a"), b = new(Run, "b");
        await a.Report(WorkerPhase.Ready);
        await b.Report(WorkerPhase.Ready);
        await a.Report(WorkerPhase.Computing);
        Assert.Equal(1, a.Plan!.Number);
        return (a, b);
    }

    private async Task<IEnumerable<string>> Kinds() => (await Run.News(new())).Events.Select(what => what.Kind);

    private async Task<RunEntry> Entry() => (await silo.Grains.GetGrain<IRunDirectoryGrain>(0).Runs()).Single(entry => entry.Run == _name);

    private Task<ShardStatus> Shard(int shard) => silo.Grains.GetGrain<IShardGrain>($"{_name}/{shard}").Status();
}
