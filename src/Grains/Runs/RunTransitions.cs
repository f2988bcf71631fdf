using System.Text;
using Spikeformer.Contracts;
using Spikeformer.Recipes;

namespace Spikeformer.Runs;

/// <summary>
/// The state machine of a run: pure functions from a record and an input to the next record. The grain writes what they return and then
/// tells it.
/// </summary>
public static class RunTransitions
{
    /// <summary>Within this time every idle worker of a cluster has seen a new run: they ask every second.</summary>
    private static readonly TimeSpan GatheringTime = TimeSpan.FromSeconds(3);

    /// <summary>A client wants the run to begin or to go on.</summary>
    public static Decision Start(RunRecord record, RunSpec spec, DateTimeOffset now)
    {
        if (!NameRule.Allows(spec.Name)) return Decision.Refuse(record, ErrorKind.Usage, $"'{spec.Name}' cannot name a run", $"Use {NameRule.Text}");
        if (record.State is not RunState.None && !RunStates.IsOver(record.State))
            return Decision.Refuse(record, ErrorKind.Conflict,
                $"Run {spec.Name} is already {StateNames.Of(record.State)}", $"Watch it with 'watch {spec.Name}', or choose another name");
        if (spec.Workers < 0 || spec.MinWorkers < 1)
            return Decision.Refuse(record, ErrorKind.Usage,
                $"{spec.Workers} workers are wanted, and at least {spec.MinWorkers}", "Ask for 0 workers (all there are) or more, and for a minimum of 1 or more");
        Recipe recipe;
        try
        {
            recipe = RecipeReader.Read(spec.Recipe, spec.Name);
            RunOrigin.Check(spec.InitFrom, spec.StartEpoch, recipe.Epochs);
        }
        catch (SpikeformerException error)
        {
            return Decision.Refuse(record, error);
        }
        string hash = RecipeWriter.Hash(recipe);
        if (Math.Max(spec.Workers, spec.MinWorkers) > recipe.Shards)
            return Decision.Refuse(record, ErrorKind.Usage,
                $"{Math.Max(spec.Workers, spec.MinWorkers)} workers are wanted, but the recipe has {recipe.Shards} shards and a worker owns at least one",
                $"Ask for at most {recipe.Shards}");
        if (spec.IsResume && record.State is RunState.Completed && hash == record.RecipeHash)
            return Decision.Refuse(record, ErrorKind.Conflict,
                $"Run {spec.Name} is complete; there is nothing to resume", "Start another run, or change this one, for example: --set epochs=N --override epochs");
        var next = record with
        {
            Spec = spec,
            State = RunState.Created,
            Created = record.State is RunState.None ? now : record.Created,
            Changed = now,
            Plan = null,
            Fingerprint = null,
            Outcome = null,
            Failure = null,
            Shards = recipe.Shards,
            Epochs = recipe.Epochs,
            RecipeHash = hash,
        };
        return new(next, [(spec.IsResume ? EventKinds.Resumed : EventKinds.Accepted, $"Run {spec.Name} was {(spec.IsResume ? "resumed" : "accepted")}: recipe {hash[..12]}, {recipe.Shards} shards")]);
    }

    /// <summary>A client wants a run that is over to go on.</summary>
    public static Decision Resume(RunRecord record, RunChanges changes, Guid startId, DateTimeOffset now)
    {
        if (record.Spec is not { } spec) return NotFound(record);
        RunSpec next = spec with { IsResume = true, StartId = startId, DataPath = changes.DataPath ?? spec.DataPath, Overrides = changes.Overrides };
        if (changes.Settings.Count == 0) return Start(record, next, now);
        try
        {
            Recipe before = RecipeReader.Read(spec.Recipe, spec.Name), changed = RecipeReader.Read(spec.Recipe, spec.Name, changes.Settings);
            IReadOnlyList<RunDifference> refused = RunDifferences.NotCovered(RunDifferences.Between(before, changed), changes.Overrides);
            if (refused.Count > 0) throw RunDifferences.Refusal(spec.Name, refused);
            return Start(record, next with { Recipe = Encoding.UTF8.GetString(RecipeWriter.ToCanonical(changed)) }, now);
        }
        catch (SpikeformerException error)
        {
            return Decision.Refuse(record, error);
        }
    }

    /// <summary>A client wants the run to stop with a checkpoint.</summary>
    public static Decision Stop(RunRecord record, DateTimeOffset now) => record.State switch
    {
        RunState.None => NotFound(record),
        RunState.Created or RunState.WaitingForWorkers => Enter(record with { Plan = null }, RunState.Stopped, now, "Stopped before any worker trained it"),
        RunState.Running => Enter(record, RunState.Stopping, now, "A stop was asked for; the members save and end at the next step"),
        _ => Decision.None(record),
    };

    /// <summary>A client wants the run to end at once.</summary>
    public static Decision Cancel(RunRecord record, DateTimeOffset now) => record.State switch
    {
        RunState.None => NotFound(record),
        _ when RunStates.IsOver(record.State) => Decision.None(record),
        _ => Enter(record with { Plan = null }, RunState.Cancelled, now, "Cancelled; 'resume' continues from the last checkpoint"),
    };

    /// <summary>The lead says how the run ended.</summary>
    public static Decision End(RunRecord record, RunOutcome outcome, DateTimeOffset now)
    {
        if (RunStates.IsOver(record.State) || record.State is RunState.None) return Decision.None(record);
        if (outcome.State is RunState.Stopped && record.State is RunState.Running)
            return Enter(record with { Plan = null }, RunState.WaitingForWorkers, now, $"Saved at step {outcome.Step}; too few workers stay to go on");
        return Enter(record with { Plan = null, Outcome = outcome }, outcome.State, now,
            outcome.State is RunState.Completed ? "All epochs are done" : "Stopped on request; 'resume' continues");
    }

    /// <summary>A member cannot go on for a reason that another worker would meet too.</summary>
    public static Decision Fail(RunRecord record, WorkerFailure failure, DateTimeOffset now)
    {
        if (RunStates.IsOver(record.State) || record.State is RunState.None) return Decision.None(record);
        return Enter(record with { Plan = null, Failure = failure }, RunState.Failed, now, $"Worker {failure.Worker}: {failure.ToException().Message}");
    }

    /// <summary>Looks at the workers at hand: keeps the generation, makes the next one, or waits.</summary>
    /// <param name="record">The run.</param>
    /// <param name="candidates">The workers at hand, in the order they came; the lost ones left out.</param>
    /// <param name="isBroken">Whether members of the present generation have lost a peer, so that it can commit nothing more.</param>
    /// <param name="fingerprint">What the candidates have in common.</param>
    /// <param name="now">The time.</param>
    /// <param name="mustMove">Whether the same members are to own other shards.</param>
    public static Decision Plan(RunRecord record, IReadOnlyList<Candidate> candidates, bool isBroken, IReadOnlyDictionary<string, string>? fingerprint,
        DateTimeOffset now, bool mustMove = false)
    {
        if (record.Spec is not { } spec || record.State is not (RunState.Created or RunState.WaitingForWorkers or RunState.Running or RunState.Stopping))
            return Decision.None(record);
        IReadOnlyList<Candidate> voters = GenerationPlanner.Voters(record.Plan, candidates, spec.Workers, record.Shards);
        if (record.Plan is { } plan && !isBroken && IsSame(plan, voters) && !mustMove) return Decision.None(record);
        // A run that stops takes nobody in: only a broken generation is replaced, so that the stop can be carried out.
        if (record.State is RunState.Stopping && !isBroken) return Decision.None(record);
        if (record.Plan is null && IsWorthWaiting(record, spec, voters, candidates, now)) return Decision.None(record);

        long sealedThrough = record.Plan is { } last && !isBroken ? last.SealedThrough : record.LastNumber;
        GenerationPlan? next = voters.Count < spec.MinWorkers ? null : GenerationPlanner.Plan(spec.Name, record.LastNumber + 1, record.Shards, voters, sealedThrough);
        if (next is null)
        {
            // A generation that still works goes on until it has saved: see MustSuspend.
            bool standsStill = record.Plan is null || isBroken;
            if (!standsStill || record.Plan is null && record.State is RunState.WaitingForWorkers) return Decision.None(record);
            return Enter(record with { Plan = null }, record.State is RunState.Stopping ? RunState.Stopped : RunState.WaitingForWorkers, now,
                $"{voters.Count} of at least {spec.MinWorkers} workers can train it");
        }
        var planned = record with { Plan = next, LastNumber = next.Number, Fingerprint = record.Fingerprint ?? fingerprint ?? new Dictionary<string, string>() };
        string message = $"Generation {next.Number}: {string.Join(", ", next.Members.Select(member => $"{member.Worker} owns {Range(member)}"))}";
        if (record.State is RunState.Running or RunState.Stopping) return new(planned, [(EventKinds.Generation, message)]);
        return new(planned with { State = RunState.Running, Changed = now }, [(EventKinds.Generation, message)]);
    }

    /// <summary>Whether so many members want to leave that the rest is too few: then all save and the run waits.</summary>
    public static bool MustSuspend(RunRecord record, IReadOnlyList<Candidate> candidates) => record is { State: RunState.Running, Plan: not null, Spec: { } spec }
        && candidates.Any(candidate => candidate.WantsToLeave)
        && GenerationPlanner.Voters(record.Plan, candidates, spec.Workers, record.Shards).Count < spec.MinWorkers;

    /// <summary>What a worker should do.</summary>
    /// <param name="record">The run.</param>
    /// <param name="report">What the worker does and wants.</param>
    /// <param name="mustSuspend">What <see cref="MustSuspend"/> says.</param>
    public static MemberAction ActionFor(RunRecord record, MemberReport report, bool mustSuspend)
    {
        if (RunStates.IsOver(record.State) || record.State is RunState.None) return MemberAction.Release;
        bool isMember = record.Plan?.MemberOf(report.Info.Worker, report.Info.Incarnation) is not null;
        // Who is planned out stays a voter until its generation changes over: the others cannot finish the step without it.
        if (isMember || IsInHealthyGeneration(record.Plan, report)) return record.State is RunState.Stopping || mustSuspend ? MemberAction.Stop : MemberAction.Vote;
        if (report.WantsToLeave || record.State is RunState.Stopping) return MemberAction.Release;
        return record.Plan is null ? MemberAction.Wait : MemberAction.Learn;
    }

    /// <summary>How many more workers the run would take.</summary>
    public static int WantedWorkers(RunRecord record, int present)
    {
        if (!RunStates.WantsWorkers(record.State)) return 0;
        return record.Spec!.Workers == 0 ? int.MaxValue : Math.Max(0, record.Spec.Workers - present);
    }

    /// <summary>Whether a run that has just been created should wait for more workers than it has: for as many as it asked for, or, where it
    /// takes all, until those that have come are prepared and others have had the time to come.</summary>
    private static bool IsWorthWaiting(RunRecord record, RunSpec spec, IReadOnlyList<Candidate> voters, IReadOnlyList<Candidate> candidates, DateTimeOffset now)
    {
        int hoped = spec.Workers > 0 ? spec.Workers : record.Shards;
        if (record.State is not RunState.Created || voters.Count >= hoped) return false;
        bool mayMoreCome = spec.Workers > 0 || candidates.Any(candidate => !candidate.CanVote);
        TimeSpan grace = TimeSpan.FromSeconds(spec.StartGraceSeconds);
        return now - record.Changed < (mayMoreCome || grace < GatheringTime ? grace : GatheringTime);
    }

    private static bool IsInHealthyGeneration(GenerationPlan? newest, MemberReport report) => newest is not null && report.Generation > newest.SealedThrough
        && report.Phase is WorkerPhase.Connecting or WorkerPhase.Aligning or WorkerPhase.Computing or WorkerPhase.Reducing or WorkerPhase.Applying
            or WorkerPhase.Evaluating or WorkerPhase.Saving;

    private static bool IsSame(GenerationPlan plan, IReadOnlyList<Candidate> voters) => plan.Members.Select(member => (member.Worker, member.Incarnation))
        .SequenceEqual(voters.Select(voter => (voter.Info.Worker, voter.Info.Incarnation)));

    private static string Range(PlanMember member) => member.EndShard - member.FirstShard == 1
        ? $"shard {member.FirstShard}"
        : $"shards {member.FirstShard}-{member.EndShard - 1}";

    private static Decision NotFound(RunRecord record) => Decision.Refuse(record, ErrorKind.NotFound, "There is no such run", "'list' shows the runs of this cluster");

    private static Decision Enter(RunRecord record, RunState state, DateTimeOffset now, string message) =>
        new(record with { State = state, Changed = now }, [(StateNames.Of(state), message)]);
}
