using FsCheck;
using FsCheck.Xunit;
using Spikeformer.Contracts;
using Spikeformer.Runs;
using Xunit;
using static Spikeformer.Contracts.RunState;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class RunTransitionsTests
{
    private static readonly DateTimeOffset s_later = Some.Noon.AddMinutes(1);

    /// <summary>What each input makes of a run in each state; a number is the exit code of a refusal.</summary>
    private const string Table = """
                          start    resume   stop      cancel     completed  stopped            failed  gather    scatter
        None              Created  Created  3         3          None       None               None    None      None
        Created           4        4        Stopped   Cancelled  Completed  Stopped            Failed  Running   WaitingForWorkers
        WaitingForWorkers 4        4        Stopped   Cancelled  Completed  Stopped            Failed  Running   WaitingForWorkers
        Running           4        4        Stopping  Cancelled  Completed  WaitingForWorkers  Failed  Running   WaitingForWorkers
        Stopping          4        4        Stopping  Cancelled  Completed  Stopped            Failed  Stopping  Stopped
        Stopped           Created  Created  Stopped   Stopped    Stopped    Stopped            Stopped    Stopped    Stopped
        Completed         Created  4        Completed Completed  Completed  Completed          Completed  Completed  Completed
        Failed            Created  Created  Failed    Failed     Failed     Failed             Failed     Failed     Failed
        Cancelled         Created  Created  Cancelled Cancelled  Cancelled  Cancelled          Cancelled  Cancelled  Cancelled
        """;

    public static TheoryData<RunState, string, string> Cells()
    {
        string[][] rows = [.. Table.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        var cells = new TheoryData<RunState, string, string>();
        foreach (string[] row in rows[1..])
            for (int i = 0; i < rows[0].Length; i++) cells.Add(Enum.Parse<RunState>(row[0]), rows[0][i], row[i + 1]);
        return cells;
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Every_input_leads_from_every_state_to_the_one_in_the_table(RunState state, string input, string expected)
    {
        RunRecord before = In(state);
        Assert.Equal(state, before.State);
        Decision decision = Apply(before, input, s_later);
        if (int.TryParse(expected, out int code))
        {
            Assert.Equal(code, (int)decision.Refusal!.Kind);
            Assert.NotNull(decision.Refusal);
            Assert.Same(before, decision.Record);
            return;
        }
        Assert.Null(decision.Refusal);
        Assert.Equal(Enum.Parse<RunState>(expected), decision.Record.State);
        if (decision.Record.State != state) Assert.Equal(s_later, decision.Record.Changed);
        else if (input != "scatter") Assert.Same(before, decision.Record);
    }

    [Property(MaxTest = 2000)]
    public void No_sequence_of_inputs_leads_to_an_impossible_run(NonEmptyArray<byte> choices)
    {
        string[] inputs = ["start", "resume", "stop", "cancel", "completed", "stopped", "failed", "gather", "scatter", "more", "less", "leaving"];
        var record = new RunRecord();
        DateTimeOffset now = Some.Noon;
        foreach (byte choice in choices.Get)
        {
            RunRecord before = record;
            string input = inputs[choice % inputs.Length];
            Decision decision = Apply(before, input, now = now.AddSeconds(choice));
            record = decision.Record;

            bool trains = record.State is Running or Stopping;
            Assert.Equal(trains, record.Plan is not null);
            if (trains) Assert.True(record.Plan!.Members.Count >= record.Spec!.MinWorkers);
            Assert.Equal(record.State is None, record.Spec is null);
            Assert.Equal(record.State is Failed, record.Failure is not null);
            if (record.Outcome is { } outcome) Assert.Equal(outcome.State, record.State);
            if (record.State is None || RunStates.IsOver(record.State) || record.State is Stopping) Assert.Equal(0, RunTransitions.WantedWorkers(record, 0));
            else Assert.Equal(2, RunTransitions.WantedWorkers(record, 2));

            Assert.InRange(record.LastNumber, before.LastNumber, before.LastNumber + 1);
            if (record.Plan is { } plan && !plan.IsSameAs(before.Plan))
                Assert.Equal((before.LastNumber + 1, record.LastNumber), (plan.Number, plan.Number));
            else Assert.Equal(before.LastNumber, record.LastNumber);
            // Whatever is written has its line in the log, and whatever has one is written.
            Assert.Equal(ReferenceEquals(before, record), decision.Events.Count == 0);
            if (decision.Refusal is not null) Assert.Same(before, record);

            // The same again, as a client that did not get the answer would ask it, or as the next report makes it.
            if (input is "stop" or "cancel" or "completed" or "failed" or "gather") Assert.Same(record, Apply(record, input, now).Record);
        }
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("0-run_1.x", true)]
    [InlineData("", false)]
    [InlineData("-a", false)]
    [InlineData(".a", false)]
    [InlineData("a/b", false)]
    [InlineData("a b", false)]
    [InlineData("é", false)]
    public void A_run_has_a_name_that_files_and_urls_can_have(string name, bool isGood) => Assert.Equal(isGood, CanBeNamed(name));

    [Fact]
    public void A_name_has_at_most_64_characters_as_that_of_a_recipe()
    {
        Assert.True(CanBeNamed(new string('x', 64)));
        Assert.False(CanBeNamed(new string('x', 65)));
        Decision refused = RunTransitions.Start(new(), Some.Spec("a b"), Some.Noon);
        Assert.Equal("'a b' is not a valid name for a run. Use 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit.", refused.Refusal!.Message);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 0)]
    [InlineData(5, 1)]
    [InlineData(0, 5)]
    [InlineData(2, 3)]
    public void Impossible_numbers_of_workers_are_refused(int workers, int minWorkers)
    {
        Decision decision = RunTransitions.Start(new(), Some.Spec(workers: workers, minWorkers: minWorkers, shards: 4), Some.Noon);
        Assert.Equal(ErrorKind.Usage, decision.Refusal!.Kind);
        Assert.Equal(None, decision.Record.State);
    }

    [Theory]
    [InlineData("/w.pth", 3)]
    [InlineData("/w.pth", -1)]
    [InlineData(null, 1)]
    public void A_first_epoch_that_the_recipe_lacks_or_that_fresh_weights_cannot_have_is_refused(string? weights, int epoch)
    {
        Decision decision = RunTransitions.Start(new(), Some.Spec() with { InitFrom = weights, StartEpoch = epoch }, Some.Noon);
        Assert.Equal((ErrorKind.Usage, None), (decision.Refusal!.Kind, decision.Record.State));
        Assert.Contains($"epoch {epoch}", decision.Refusal!.Message);
    }

    [Fact]
    public void A_run_that_goes_on_keeps_what_it_began_with()
    {
        RunRecord begun = RunTransitions.Start(new(), Some.Spec() with { InitFrom = "/w.pth", StartEpoch = 2 }, Some.Noon).Record;
        RunRecord stopped = RunTransitions.Stop(begun, Some.Noon).Record;
        RunSpec resumed = RunTransitions.Resume(stopped, RunChanges.None, Guid.NewGuid(), Some.Noon).Record.Spec!;
        Assert.Equal(("/w.pth", 2, true), (resumed.InitFrom, resumed.StartEpoch, resumed.IsResume));
        var shorter = new RunChanges { Settings = ["epochs=2"], Overrides = ["epochs", "schedule"] };
        Assert.Equal(ErrorKind.Usage, RunTransitions.Resume(stopped, shorter, Guid.NewGuid(), Some.Noon).Refusal!.Kind);
    }

    [Fact]
    public void A_run_that_is_over_goes_on_with_a_change_only_when_that_is_allowed_by_name()
    {
        RunRecord stopped = RunTransitions.Stop(RunTransitions.Start(new(), Some.Spec(), Some.Noon).Record, Some.Noon).Record;
        var changes = new RunChanges { Settings = ["seed=77"] };
        Decision refused = RunTransitions.Resume(stopped, changes, Guid.NewGuid(), Some.Noon);
        Assert.Equal(ErrorKind.Conflict, refused.Refusal!.Kind);
        Assert.Contains("--override seed", refused.Refusal!.Message);
        Assert.Same(stopped, refused.Record);

        Decision allowed = RunTransitions.Resume(stopped, changes with { Overrides = ["seed"] }, Guid.NewGuid(), Some.Noon);
        Assert.Equal(Created, allowed.Record.State);
        Assert.NotEqual(stopped.RecipeHash, allowed.Record.RecipeHash);
        Assert.Equal(["seed"], allowed.Record.Spec!.Overrides);
        Assert.True(allowed.Record.Spec.IsResume);

        Assert.Equal(ErrorKind.NotFound, RunTransitions.Resume(new(), changes, Guid.NewGuid(), Some.Noon).Refusal!.Kind);
        Assert.Equal(ErrorKind.Usage, RunTransitions.Resume(stopped, new() { Settings = ["sed=1"] }, Guid.NewGuid(), Some.Noon).Refusal!.Kind);
    }

    [Fact]
    public void A_complete_run_goes_on_only_with_something_changed()
    {
        RunRecord complete = RunTransitions.Start(new(), Some.Spec(), Some.Noon).Record with { State = Completed };
        Assert.Equal(ErrorKind.Conflict, RunTransitions.Resume(complete, RunChanges.None, Guid.NewGuid(), Some.Noon).Refusal!.Kind);
        Assert.Null(RunTransitions.Resume(complete, new() { Settings = ["seed=99"], Overrides = ["seed"] }, Guid.NewGuid(), Some.Noon).Refusal);
    }

    [Fact]
    public void A_wrong_recipe_is_refused_with_its_reason()
    {
        Decision decision = RunTransitions.Start(new(), Some.Spec() with { Recipe = """{ "sed": 1 }""" }, Some.Noon);
        Assert.Equal(ErrorKind.Usage, decision.Refusal!.Kind);
        Assert.Contains("sed", decision.Refusal!.Message);
    }

    [Fact]
    public void A_new_start_forgets_how_the_last_one_ended_but_not_its_numbers()
    {
        RunRecord failed = In(Failed);
        RunRecord again = RunTransitions.Start(failed, Some.Spec() with { IsResume = true }, s_later).Record;
        Assert.Equal((null, null, null, null), (again.Plan, again.Failure, again.Outcome, again.Fingerprint));
        Assert.Equal((failed.LastNumber, failed.Created), (again.LastNumber, again.Created));
        Assert.Equal((4, 3, true), (again.Shards, again.Epochs, again.Spec!.IsResume));
    }

    [Fact]
    public void The_first_generation_waits_for_all_wanted_workers_but_not_longer_than_its_grace()
    {
        RunRecord created = In(Created);
        Candidate[] one = [Some.Candidate("a")];
        RunRecord wanting = RunTransitions.Start(new(), Some.Spec(workers: 2), Some.Noon).Record;
        Assert.Same(wanting, RunTransitions.Plan(wanting, one, false, Some.Numerics, Some.Noon.AddSeconds(9.9)).Record);
        Assert.Equal(Running, RunTransitions.Plan(wanting, one, false, Some.Numerics, Some.Noon.AddSeconds(10)).Record.State);
        Assert.Equal(Running, RunTransitions.Plan(created, Four, false, Some.Numerics, Some.Noon).Record.State);
        Assert.Equal(["a", "b"], Members(RunTransitions.Plan(wanting, Four, false, Some.Numerics, Some.Noon).Record));
    }

    [Fact]
    public void A_run_that_takes_all_workers_waits_for_those_that_prepare_and_else_only_until_all_have_seen_it()
    {
        RunRecord created = RunTransitions.Start(new(), Some.Spec(), Some.Noon).Record;
        Candidate[] one = [Some.Candidate("a")], two = [.. one, Some.Candidate("b", canVote: false)];
        Assert.Same(created, RunTransitions.Plan(created, one, false, Some.Numerics, Some.Noon.AddSeconds(2.9)).Record);
        Assert.Equal(Running, RunTransitions.Plan(created, one, false, Some.Numerics, Some.Noon.AddSeconds(3)).Record.State);
        Assert.Same(created, RunTransitions.Plan(created, two, false, Some.Numerics, Some.Noon.AddSeconds(9.9)).Record);
        Assert.Equal(Running, RunTransitions.Plan(created, two, false, Some.Numerics, Some.Noon.AddSeconds(10)).Record.State);
        RunRecord hasty = RunTransitions.Start(new(), Some.Spec() with { StartGraceSeconds = 1 }, Some.Noon).Record;
        Assert.Equal(Running, RunTransitions.Plan(hasty, one, false, Some.Numerics, Some.Noon.AddSeconds(1)).Record.State);
    }

    [Fact]
    public void A_plan_says_which_generations_have_ended()
    {
        RunRecord first = In(Running);
        Assert.Equal(0, first.Plan!.SealedThrough);
        RunRecord left = RunTransitions.Plan(first, Four[1..], false, Some.Numerics, s_later).Record;
        Assert.Equal(0, left.Plan!.SealedThrough);
        RunRecord broken = RunTransitions.Plan(left, Four[2..], true, Some.Numerics, s_later).Record;
        Assert.Equal(2, broken.Plan!.SealedThrough);
        RunRecord joined = RunTransitions.Plan(broken, Four[1..], false, Some.Numerics, s_later).Record;
        Assert.Equal(2, joined.Plan!.SealedThrough);
    }

    [Fact]
    public void A_slow_member_keeps_its_rank_and_loses_shards_when_they_must_move()
    {
        RunRecord first = In(Running);
        Candidate[] slow = [.. Four.Select((candidate, rank) => candidate with { SecondsPerShard = rank == 1 ? 9 : 1 })];
        Assert.Same(first, RunTransitions.Plan(first, slow, false, Some.Numerics, s_later).Record);
        RunRecord moved = RunTransitions.Plan(first, slow, false, Some.Numerics, s_later, mustMove: true).Record;
        Assert.Equal(Members(first), Members(moved));
        Assert.Equal((2L, 0L), (moved.Plan!.Number, moved.Plan.SealedThrough));
    }

    [Fact]
    public void Who_is_planned_out_of_a_healthy_generation_votes_until_that_one_changes_over()
    {
        RunRecord first = In(Running);
        RunRecord left = RunTransitions.Plan(first, Four[1..], false, Some.Numerics, s_later).Record;
        MemberReport leaver = Some.Report("a", WorkerPhase.Computing).In(first.Plan!) with { WantsToLeave = true };
        Assert.Equal(MemberAction.Vote, RunTransitions.ActionFor(left, leaver, mustSuspend: false));
        Assert.Equal(MemberAction.Stop, RunTransitions.ActionFor(left with { State = Stopping }, leaver, mustSuspend: false));
        Assert.Equal(MemberAction.Release, RunTransitions.ActionFor(left, leaver with { Phase = WorkerPhase.Ready }, mustSuspend: false));
        RunRecord broken = RunTransitions.Plan(first, Four[1..], true, Some.Numerics, s_later).Record;
        Assert.Equal(MemberAction.Release, RunTransitions.ActionFor(broken, leaver, mustSuspend: false));
    }

    [Fact]
    public void The_fingerprint_is_that_of_the_first_generation()
    {
        RunRecord running = In(Running);
        Assert.Equal(Some.Numerics, running.Fingerprint);
        RunRecord next = RunTransitions.Plan(running, Four[1..], true, new Dictionary<string, string> { ["isa"] = "avx512" }, s_later).Record;
        Assert.Same(running.Fingerprint, next.Fingerprint);
    }

    [Fact]
    public void A_generation_is_replaced_when_somebody_comes_leaves_or_is_lost_and_only_then()
    {
        RunRecord running = RunTransitions.Plan(In(Created), Four[..2], false, Some.Numerics, s_later).Record;
        Assert.Same(running, RunTransitions.Plan(running, Four[..2], false, null, s_later).Record);
        Assert.Equal(["a", "b", "c"], Members(RunTransitions.Plan(running, Four[..3], false, null, s_later).Record));
        Assert.Equal(["b"], Members(RunTransitions.Plan(running, Four[1..2], true, null, s_later).Record));
        Assert.Equal(["b"], Members(RunTransitions.Plan(running, [Four[0] with { WantsToLeave = true }, Four[1]], false, null, s_later).Record));
        // All are there, but the generation has been sealed: the same members need another one.
        Decision broken = RunTransitions.Plan(running, Four[..2], true, null, s_later);
        Assert.Equal(["a", "b"], Members(broken.Record));
        Assert.Equal(2, broken.Record.Plan!.Number);
        Assert.Equal([("generation", "Generation 2: a owns shards 0-1, b owns shards 2-3")], broken.Events);
        Assert.Equal([("generation", "Generation 2: a owns shard 0, b owns shard 1, c owns shard 2, d owns shard 3")],
            RunTransitions.Plan(running, Four, false, null, s_later).Events);
    }

    [Fact]
    public void A_run_that_stops_takes_nobody_in_and_only_replaces_a_broken_generation()
    {
        RunRecord stopping = Apply(RunTransitions.Plan(In(Created), Four[..2], false, Some.Numerics, s_later).Record, "stop", s_later).Record;
        Assert.Same(stopping, RunTransitions.Plan(stopping, Four, false, null, s_later).Record);
        RunRecord next = RunTransitions.Plan(stopping, Four[1..2], true, null, s_later).Record;
        Assert.Equal((Stopping, 2L), (next.State, next.Plan!.Number));
    }

    [Fact]
    public void With_too_few_workers_a_broken_run_waits_and_a_working_one_is_suspended()
    {
        RunRecord record = RunTransitions.Plan(RunTransitions.Start(new(), Some.Spec(minWorkers: 2), Some.Noon).Record, Four[..2], false, Some.Numerics, s_later).Record;
        Assert.Equal(WaitingForWorkers, RunTransitions.Plan(record, Four[..1], true, null, s_later).Record.State);
        Candidate[] leaving = [Four[0], Four[1] with { WantsToLeave = true }];
        Assert.Same(record, RunTransitions.Plan(record, leaving, false, null, s_later).Record);
        Assert.True(RunTransitions.MustSuspend(record, leaving));
        Assert.False(RunTransitions.MustSuspend(record, Four[..2]));
        Assert.False(RunTransitions.MustSuspend(record, [.. leaving, Four[2]]));
        Assert.False(RunTransitions.MustSuspend(record with { State = Stopping }, leaving));
    }

    [Fact]
    public void Too_little_memory_is_waited_for()
    {
        Candidate[] small = [Four[0] with { Capacity = 1 }, Four[1] with { Capacity = 2 }];
        Decision shortage = RunTransitions.Plan(In(Created), small, false, Some.Numerics, s_later);
        Assert.Equal(WaitingForWorkers, shortage.Record.State);
        Assert.Equal([("waitingForWorkers", "3 of 4 shards fit into the memory of 2 workers; add workers or memory")], shortage.Events);
        RunRecord waiting = In(WaitingForWorkers);
        Assert.Same(waiting, RunTransitions.Plan(waiting, small, false, Some.Numerics, s_later).Record);
        Assert.Equal(Running, RunTransitions.Plan(waiting, [.. small, Four[2] with { Capacity = 1 }], false, Some.Numerics, s_later).Record.State);
    }

    [Fact]
    public void A_worker_that_leaves_the_others_with_too_little_memory_suspends_the_run()
    {
        Candidate[] small = [Four[0] with { Capacity = 3 }, Four[1] with { Capacity = 3 }];
        RunRecord record = RunTransitions.Plan(RunTransitions.Start(new(), Some.Spec(), Some.Noon).Record, small, false, Some.Numerics, s_later).Record;
        Assert.Equal(Running, record.State);
        Candidate[] leaving = [small[0], small[1] with { WantsToLeave = true }];
        Assert.True(RunTransitions.MustSuspend(record, leaving));
        Assert.False(RunTransitions.MustSuspend(record, small));
        Assert.False(RunTransitions.MustSuspend(record, [.. leaving, Four[2] with { Capacity = 1 }]));
    }

    [Fact]
    public void Enough_memory_or_too_few_workers_is_no_shortage_of_memory()
    {
        RunRecord waiting = RunTransitions.Start(new(), Some.Spec(minWorkers: 2), Some.Noon).Record;
        Assert.Null(RunTransitions.MemoryShortage(new(), Four));
        Assert.Null(RunTransitions.MemoryShortage(waiting, [Four[0] with { Capacity = 1 }]));
        Assert.Null(RunTransitions.MemoryShortage(waiting, [Four[0] with { Capacity = 1 }, Four[1] with { Capacity = 3 }]));
        Assert.NotNull(RunTransitions.MemoryShortage(waiting, [Four[0] with { Capacity = 1 }, Four[1] with { Capacity = 2 }]));
    }

    [Fact]
    public void A_worker_that_is_left_out_waits_instead_of_learning()
    {
        RunRecord running = In(Running);
        MemberReport odd = Some.Report("z", WorkerPhase.Ready);
        Assert.Equal(MemberAction.Wait, RunTransitions.ActionFor(running, odd, mustSuspend: false, isLeftOut: true));
        Assert.Equal(MemberAction.Release, RunTransitions.ActionFor(running, odd with { WantsToLeave = true }, mustSuspend: false, isLeftOut: true));
        Assert.Equal(MemberAction.Release, RunTransitions.ActionFor(In(Completed), odd, mustSuspend: false, isLeftOut: true));
    }

    [Fact]
    public void A_resume_changes_the_numbers_that_are_given_and_keeps_the_others()
    {
        RunSpec spec = Some.Spec(workers: 2, minWorkers: 2) with { CheckpointEvery = 7, CacheDirectory = "/cache" };
        RunRecord stopped = RunTransitions.Stop(RunTransitions.Start(new(), spec, Some.Noon).Record, Some.Noon).Record;
        RunSpec same = RunTransitions.Resume(stopped, RunChanges.None, Guid.NewGuid(), Some.Noon).Record.Spec!;
        Assert.Equal((2, 2, 7, "/cache"), (same.Workers, same.MinWorkers, same.CheckpointEvery, same.CacheDirectory));
        RunSpec other = RunTransitions.Resume(stopped, new() { Workers = 4, MinWorkers = 3, CheckpointEvery = 5, CacheDirectory = "/other" }, Guid.NewGuid(), Some.Noon).Record.Spec!;
        Assert.Equal((4, 3, 5, "/other"), (other.Workers, other.MinWorkers, other.CheckpointEvery, other.CacheDirectory));
        Assert.Equal(ErrorKind.Usage, RunTransitions.Resume(stopped, new() { MinWorkers = 3 }, Guid.NewGuid(), Some.Noon).Refusal!.Kind);
    }

    [Theory]
    [InlineData(None, MemberAction.Release, MemberAction.Release)]
    [InlineData(Created, MemberAction.Wait, MemberAction.Wait)]
    [InlineData(WaitingForWorkers, MemberAction.Wait, MemberAction.Wait)]
    [InlineData(Running, MemberAction.Vote, MemberAction.Learn)]
    [InlineData(Stopping, MemberAction.Stop, MemberAction.Release)]
    [InlineData(Stopped, MemberAction.Release, MemberAction.Release)]
    [InlineData(Completed, MemberAction.Release, MemberAction.Release)]
    [InlineData(Failed, MemberAction.Release, MemberAction.Release)]
    [InlineData(Cancelled, MemberAction.Release, MemberAction.Release)]
    public void Each_state_tells_members_and_others_what_to_do(RunState state, MemberAction member, MemberAction other)
    {
        RunRecord record = In(state);
        Assert.Equal(member, RunTransitions.ActionFor(record, Some.Report("a", WorkerPhase.Ready, incarnation: 1), mustSuspend: false));
        Assert.Equal(other, RunTransitions.ActionFor(record, Some.Report("z", WorkerPhase.Ready, incarnation: 1), mustSuspend: false));
        Assert.Equal(other, RunTransitions.ActionFor(record, Some.Report("a", WorkerPhase.Ready, incarnation: 2), mustSuspend: false));
        Assert.Equal(MemberAction.Release, RunTransitions.ActionFor(record, Some.Report("z", WorkerPhase.Ready, incarnation: 1) with { WantsToLeave = true }, mustSuspend: false));
    }

    [Fact]
    public void Members_of_a_run_that_must_wait_save_while_the_others_stay()
    {
        RunRecord running = In(Running);
        Assert.Equal(MemberAction.Stop, RunTransitions.ActionFor(running, Some.Report("a", WorkerPhase.Ready, incarnation: 1), mustSuspend: true));
        Assert.Equal(MemberAction.Learn, RunTransitions.ActionFor(running, Some.Report("z", WorkerPhase.Ready, incarnation: 1), mustSuspend: true));
        // Who wants to leave is a member until the next generation is without it.
        Assert.Equal(MemberAction.Vote, RunTransitions.ActionFor(running, Some.Report("a", WorkerPhase.Ready, incarnation: 1) with { WantsToLeave = true }, mustSuspend: false));
    }

    [Fact]
    public void A_run_wants_what_is_missing_or_as_many_as_there_are()
    {
        RunRecord two = RunTransitions.Start(new(), Some.Spec(workers: 2), Some.Noon).Record;
        Assert.Equal([2, 1, 0, 0], Enumerable.Range(0, 4).Select(present => RunTransitions.WantedWorkers(two, present)));
        Assert.Equal(int.MaxValue, RunTransitions.WantedWorkers(RunTransitions.Start(new(), Some.Spec(), Some.Noon).Record, 3));
    }

    private static Candidate[] Four => [.. "abcd".Select(name => Some.Candidate($"{name}"))];

    private static string[] Members(RunRecord record) => [.. record.Plan!.Members.Select(member => member.Worker)];

    private static bool CanBeNamed(string name)
    {
        Decision decision = RunTransitions.Start(new(), Some.Spec(name), Some.Noon);
        if (decision.Refusal is null) return true;
        Assert.Equal((ErrorKind.Usage, None), (decision.Refusal!.Kind, decision.Record.State));
        return false;
    }

    /// <summary>A run in a state, led there at noon by the inputs that lead there.</summary>
    private static RunRecord In(RunState state)
    {
        string[] way = state switch
        {
            None => [],
            Created => ["start"],
            WaitingForWorkers => ["start", "scatter"],
            Running => ["start", "gather"],
            Stopping => ["start", "gather", "stop"],
            Stopped => ["start", "gather", "stop", "stopped"],
            Completed => ["start", "gather", "completed"],
            Failed => ["start", "gather", "failed"],
            _ => ["start", "gather", "cancel"],
        };
        // The grace of the first generation is over by the time that nobody has come.
        return way.Aggregate(new RunRecord(), (record, input) => Apply(record, input, input == "scatter" ? s_later : Some.Noon).Record);
    }

    private static Decision Apply(RunRecord record, string input, DateTimeOffset now) => input switch
    {
        "start" => RunTransitions.Start(record, Some.Spec(workers: 4), now),
        "resume" => RunTransitions.Start(record, Some.Spec(workers: 4) with { IsResume = true }, now),
        "stop" => RunTransitions.Stop(record, now),
        "cancel" => RunTransitions.Cancel(record, now),
        "completed" => RunTransitions.End(record, Some.Outcome(Completed), now),
        "stopped" => RunTransitions.End(record, Some.Outcome(Stopped), now),
        "failed" => RunTransitions.Fail(record, Some.Failure(), now),
        "gather" => RunTransitions.Plan(record, Four, isBroken: false, Some.Numerics, now),
        "scatter" => RunTransitions.Plan(record, [], isBroken: record.Plan is not null, null, now),
        "more" => RunTransitions.Plan(record, [Some.Candidate("z"), .. Four[..2]], isBroken: false, Some.Numerics, now),
        "less" => RunTransitions.Plan(record, Four[1..], isBroken: record.Plan is not null, Some.Numerics, now),
        _ => RunTransitions.Plan(record, [.. Four.Select(candidate => candidate with { WantsToLeave = true })], isBroken: false, Some.Numerics, now),
    };
}
