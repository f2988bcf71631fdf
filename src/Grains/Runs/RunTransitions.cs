using System.Text;
using Spikeformer.Recipes;

namespace Spikeformer.Runs;

/// <summary>
/// The state machine of a run: pure functions from a record and an input to the next record. The grain writes the result and then announces it.
/// </summary>
public static class RunTransitions
{
    /// <summary>Within this time every idle worker of a cluster has seen a new run, since idle workers ask every second.</summary>
    private static readonly TimeSpan GatheringTime = TimeSpan.FromSeconds(3);

    /// <summary>A client starts the run, or continues one that has ended.</summary>
    public static Decision Start(RunRecord record, RunSpec spec, DateTimeOffset now)
    {
        if (!NameRule.Allows(spec.Name)) return Decision.Refuse(record, ErrorKind.Usage, $"'{spec.Name}' is not a valid name for a run", $"Use {NameRule.Text}");
        if (record.State is not RunState.None && !RunStates.IsOver(record.State))
            return Decision.Refuse(record, ErrorKind.Conflict,
                $"Run {spec.Name} is already {StateNames.Of(record.State)}", $"Watch it with 'watch {spec.Name}', or choose another name");
        if (spec.Workers < 0 || spec.MinWorkers < 1)
            return Decision.Refuse(record, ErrorKind.Usage, $"A run cannot have {spec.Workers} workers, or a minimum of {spec.MinWorkers}", "Use a minimum of at least 1");
        if (spec.Workers > 0 && spec.MinWorkers > spec.Workers)
            return Decision.Refuse(record, ErrorKind.Usage,
                $"Run {spec.Name} would never train: it takes at most {Count(spec.Workers, "worker")} and needs at least {spec.MinWorkers}",
                "Raise --workers or lower --min-workers");
        Recipe recipe;
        try
        {
            recipe = RunRecipes.Of(spec);
            RunOrigin.Check(spec.InitFrom, spec.StartEpoch, recipe.Epochs);
        }
        catch (SpikeformerException error)
        {
            return Decision.Refuse(record, error);
        }
        string hash = RecipeWriter.Hash(recipe);
        if (Math.Max(spec.Workers, spec.MinWorkers) > recipe.Shards)
            return Decision.Refuse(record, ErrorKind.Usage,
                $"The recipe has {Count(recipe.Shards, "shard")}, too few for {Math.Max(spec.Workers, spec.MinWorkers)} workers",
                $"Ask for at most {recipe.Shards}, since each worker owns at least one shard");
        if (spec.IsResume && record.State is RunState.Completed && hash == record.RecipeHash)
            return Decision.Refuse(record, ErrorKind.Conflict, $"Run {spec.Name} is complete", "Change something to continue it, such as --set epochs=N --override epochs");
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
        return new(next, [(spec.IsResume ? EventKinds.Resumed : EventKinds.Accepted, $"Run {spec.Name} {(spec.IsResume ? "resumed" : "accepted")}: recipe {hash[..12]}, {Count(recipe.Shards, "shard")}")]);
    }

    /// <summary>A client continues a run that has ended.</summary>
    public static Decision Resume(RunRecord record, RunChanges changes, Guid startId, DateTimeOffset now)
    {
        if (record.Spec is not { } spec) return NotFound(record);
        RunSpec next = spec with
        {
            IsResume = true,
            StartId = startId,
            DataPath = changes.DataPath ?? spec.DataPath,
            CacheDirectory = changes.CacheDirectory ?? spec.CacheDirectory,
            Overrides = changes.Overrides,
            Workers = changes.Workers > 0 ? changes.Workers : spec.Workers,
            MinWorkers = changes.MinWorkers > 0 ? changes.MinWorkers : spec.MinWorkers,
            CheckpointEvery = changes.CheckpointEvery > 0 ? changes.CheckpointEvery : spec.CheckpointEvery,
        };
        if (changes.Settings.Count == 0) return Start(record, next, now);
        try
        {
            Recipe before = RunRecipes.Of(spec), changed = RecipeReader.Read(spec.Recipe, spec.Name, changes.Settings);
            IReadOnlyList<RunDifference> refused = RunDifferences.NotCovered(RunDifferences.Between(before, changed), changes.Overrides);
            if (refused.Count > 0) throw RunDifferences.Refusal(spec.Name, refused);
            return Start(record, next with { Recipe = Encoding.UTF8.GetString(RecipeWriter.ToCanonical(changed)) }, now);
        }
        catch (SpikeformerException error)
        {
            return Decision.Refuse(record, error);
        }
    }

    /// <summary>A client stops the run, with a checkpoint.</summary>
    public static Decision Stop(RunRecord record, DateTimeOffset now) => record.State switch
    {
        RunState.None => NotFound(record),
        RunState.Created or RunState.WaitingForWorkers => Enter(record with { Plan = null }, RunState.Stopped, now, "Stopped while no worker was training it"),
        RunState.Running => Enter(record, RunState.Stopping, now, "Stop requested: saving, then stopping at the next step"),
        _ => Decision.None(record),
    };

    /// <summary>A client ends the run at once.</summary>
    public static Decision Cancel(RunRecord record, DateTimeOffset now) => record.State switch
    {
        RunState.None => NotFound(record),
        _ when RunStates.IsOver(record.State) => Decision.None(record),
        _ => Enter(record with { Plan = null }, RunState.Cancelled, now, "Cancelled; 'resume' continues from the last checkpoint"),
    };

    /// <summary>The lead reports the end of the run.</summary>
    public static Decision End(RunRecord record, RunOutcome outcome, DateTimeOffset now)
    {
        if (RunStates.IsOver(record.State) || record.State is RunState.None) return Decision.None(record);
        if (outcome.State is RunState.Stopped && record.State is RunState.Running)
            return Enter(record with { Plan = null }, RunState.WaitingForWorkers, now, $"Saved at step {outcome.Step}: the remaining workers are not enough to continue");
        return Enter(record with { Plan = null, Outcome = outcome }, outcome.State, now,
            outcome.State is RunState.Completed ? "All epochs completed" : "Stopped on request; 'resume' continues the run");
    }

    /// <summary>A member has failed for a reason that every other worker would meet too.</summary>
    public static Decision Fail(RunRecord record, WorkerFailure failure, DateTimeOffset now)
    {
        if (RunStates.IsOver(record.State) || record.State is RunState.None) return Decision.None(record);
        return Enter(record with { Plan = null, Failure = failure }, RunState.Failed, now, $"Worker {failure.Worker}: {failure.ToException().Message}");
    }

    /// <summary>Looks at the available workers and keeps the generation, plans the next one, or waits.</summary>
    /// <param name="record">The run.</param>
    /// <param name="candidates">The available workers in the order of arrival, without the lost ones.</param>
    /// <param name="isBroken">Whether members of the current generation have lost a peer, so that it can commit nothing more.</param>
    /// <param name="fingerprint">The fingerprint of the candidates.</param>
    /// <param name="now">The time.</param>
    /// <param name="mustMove">Whether the same members are to own other shards.</param>
    public static Decision Plan(RunRecord record, IReadOnlyList<Candidate> candidates, bool isBroken, IReadOnlyDictionary<string, string>? fingerprint,
        DateTimeOffset now, bool mustMove = false)
    {
        if (record.Spec is not { } spec || record.State is not (RunState.Created or RunState.WaitingForWorkers or RunState.Running or RunState.Stopping))
            return Decision.None(record);
        IReadOnlyList<Candidate> voters = GenerationPlanner.Voters(record.Plan, candidates, spec.Workers, record.Shards);
        if (record.Plan is { } plan && !isBroken && IsSame(plan, voters) && !mustMove) return Decision.None(record);
        // A run that stops takes no more workers. Only a broken generation is replaced, so that the stop can be carried out.
        if (record.State is RunState.Stopping && !isBroken) return Decision.None(record);
        if (record.Plan is null && IsWorthWaiting(record, spec, voters, candidates, now)) return Decision.None(record);

        long sealedThrough = record.Plan is { } last && !isBroken ? last.SealedThrough : record.LastNumber;
        GenerationPlan? next = voters.Count < spec.MinWorkers ? null : GenerationPlanner.Plan(spec.Name, record.LastNumber + 1, record.Shards, voters, sealedThrough);
        if (next is null)
        {
            // A generation that still works continues until it has saved: see MustSuspend.
            bool standsStill = record.Plan is null || isBroken;
            if (!standsStill || record.Plan is null && record.State is RunState.WaitingForWorkers) return Decision.None(record);
            return Enter(record with { Plan = null }, record.State is RunState.Stopping ? RunState.Stopped : RunState.WaitingForWorkers, now,
                MemoryShortage(record, voters) ?? $"{voters.Count} of {Count(spec.MinWorkers, "worker")} ready");
        }
        var planned = record with { Plan = next, LastNumber = next.Number, Fingerprint = record.Fingerprint ?? fingerprint ?? new Dictionary<string, string>() };
        string message = $"Generation {next.Number}: {string.Join(", ", next.Members.Select(member => $"{member.Worker} owns {Range(member)}"))}";
        if (record.State is RunState.Running or RunState.Stopping) return new(planned, [(EventKinds.Generation, message)]);
        return new(planned with { State = RunState.Running, Changed = now }, [(EventKinds.Generation, message)]);
    }

    /// <summary>Returns whether so many members leave that the others are too few, or have too little memory: then all save and the run
    /// waits.</summary>
    public static bool MustSuspend(RunRecord record, IReadOnlyList<Candidate> candidates)
    {
        if (record is not { State: RunState.Running, Plan: not null, Spec: { } spec } || !candidates.Any(candidate => candidate.WantsToLeave)) return false;
        IReadOnlyList<Candidate> voters = GenerationPlanner.Voters(record.Plan, candidates, spec.Workers, record.Shards);
        return voters.Count < spec.MinWorkers || GenerationPlanner.Capacity(voters, record.Shards) < record.Shards;
    }

    /// <summary>Returns how many shards fit into the workers' memory and what to do, if there are enough workers but their memory is too small; null
    /// otherwise.</summary>
    public static string? MemoryShortage(RunRecord record, IReadOnlyList<Candidate> candidates)
    {
        if (record.Spec is not { } spec) return null;
        IReadOnlyList<Candidate> voters = GenerationPlanner.Voters(record.Plan, candidates, spec.Workers, record.Shards);
        int held = GenerationPlanner.Capacity(voters, record.Shards);
        if (voters.Count < spec.MinWorkers || held == record.Shards) return null;
        string remedy = voters.Count == spec.Workers ? "add memory, or resume with more --workers" : "add workers or memory";
        return $"{held} of {Count(record.Shards, "shard")} fit into the memory of {Count(voters.Count, "worker")}; {remedy}";
    }

    /// <summary>Returns the order for a worker.</summary>
    /// <param name="record">The run.</param>
    /// <param name="report">The worker's report.</param>
    /// <param name="mustSuspend">The result of <see cref="MustSuspend"/>.</param>
    /// <param name="isLeftOut">Whether the worker differs from the members, so that it can never become one.</param>
    public static MemberAction ActionFor(RunRecord record, MemberReport report, bool mustSuspend, bool isLeftOut = false)
    {
        if (RunStates.IsOver(record.State) || record.State is RunState.None) return MemberAction.Release;
        bool isMember = record.Plan?.MemberOf(report.Info.Worker, report.Info.Incarnation) is not null;
        // A voter that the newest plan leaves out votes until its generation changes over: the others cannot finish the step without it.
        if (isMember || IsInHealthyGeneration(record.Plan, report)) return record.State is RunState.Stopping || mustSuspend ? MemberAction.Stop : MemberAction.Vote;
        if (report.WantsToLeave || record.State is RunState.Stopping) return MemberAction.Release;
        return record.Plan is null || isLeftOut ? MemberAction.Wait : MemberAction.Learn;
    }

    /// <summary>Returns the number of further workers that the run would take.</summary>
    public static int WantedWorkers(RunRecord record, int present)
    {
        if (!RunStates.WantsWorkers(record.State)) return 0;
        return record.Spec!.Workers == 0 ? int.MaxValue : Math.Max(0, record.Spec.Workers - present);
    }

    /// <summary>Returns whether a new run should wait for more workers: for all that it asked for, or, if it takes any number, until the ones that
    /// have joined are prepared and others have had time to join.</summary>
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

    private static Decision NotFound(RunRecord record) => Decision.Refuse(record, ErrorKind.NotFound, "The run does not exist", "'list' shows the runs of this cluster");

    private static Decision Enter(RunRecord record, RunState state, DateTimeOffset now, string message) =>
        new(record with { State = state, Changed = now }, [(StateNames.Of(state), message)]);

    /// <summary>A number with its noun: "1 worker", "2 workers".</summary>
    internal static string Count(int number, string noun) => $"{number} {noun}{(number == 1 ? "" : "s")}";
}
