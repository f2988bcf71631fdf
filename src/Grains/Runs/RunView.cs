using Spikeformer.Recipes;

namespace Spikeformer.Runs;

/// <summary>Builds the status of a run that clients see.</summary>
public static class RunView
{
    /// <summary>Returns the state, the members, and the worker or resource that the run waits for. The caller adds steps and rates.</summary>
    public static RunStatus Status(string run, RunRecord record, Roster roster)
    {
        IReadOnlyList<Candidate> candidates = roster.Candidates(record, out IReadOnlyDictionary<string, string> leftOut);
        MemberStatus[] members = [.. Members(record, roster, leftOut)];
        return new()
        {
            Run = run,
            State = record.State,
            Created = record.Created,
            Changed = record.Changed,
            WaitingFor = record.State is RunState.Created or RunState.WaitingForWorkers ? Missing(record, candidates, members) : Awaited(record, members),
            Generation = record.LastNumber,
            Members = members,
            Epochs = record.Epochs,
            Failure = record.Failure,
            Outcome = record.Outcome,
            RecipeHash = record.RecipeHash,
            OutDirectory = record.Spec?.OutDirectory ?? "",
            Shards = record.Shards,
            Workers = record.Spec?.Workers ?? 0,
        };
    }

    /// <summary>Returns the basis of the shards' ledgers; null until the number of training samples is known.</summary>
    public static LedgerBasis? Ledger(RunRecord record, int trainSamples)
    {
        if (trainSamples == 0 || record.Spec is not { } spec) return null;
        Recipe recipe = RunRecipes.Of(spec);
        return new() { Seed = recipe.Seed, Samples = trainSamples, Batch = recipe.Batch, Shards = recipe.Shards, StartEpoch = spec.StartEpoch };
    }

    private static IEnumerable<MemberStatus> Members(RunRecord record, Roster roster, IReadOnlyDictionary<string, string> leftOut)
    {
        IReadOnlyList<PlanMember> voters = record.Plan?.Members ?? [];
        foreach (PlanMember voter in voters) yield return Member(voter.Worker, voter, roster);
        foreach (MemberReport report in roster.Reports)
            if (voters.All(voter => voter.Worker != report.Info.Worker))
                yield return Member(report.Info.Worker, null, roster) with { LeftOut = leftOut.GetValueOrDefault(report.Info.Worker) };
    }

    private static MemberStatus Member(string worker, PlanMember? voter, Roster roster)
    {
        MemberReport? report = roster.ReportOf(worker);
        (double inPhase, double sinceReport) = roster.Ages(worker);
        return new()
        {
            Worker = worker,
            Device = report?.Info.Device ?? "",
            Rank = voter?.Rank,
            FirstShard = voter?.FirstShard ?? 0,
            EndShard = voter?.EndShard ?? 0,
            Phase = report?.Phase ?? WorkerPhase.Idle,
            SecondsInPhase = inPhase,
            Step = report?.Step ?? 0,
            SecondsSinceReport = sinceReport,
            SecondsPerShard = report?.SecondsPerShard ?? 0,
            Capacity = report?.Capacity is < int.MaxValue and var capacity ? capacity : null,
        };
    }

    /// <summary>The workers or the memory that the run lacks before it can train.</summary>
    private static string Missing(RunRecord record, IReadOnlyList<Candidate> candidates, IReadOnlyList<MemberStatus> members)
    {
        RunSpec spec = record.Spec!;
        int ready = GenerationPlanner.Voters(record.Plan, candidates, spec.Workers, record.Shards).Count;
        int wanted = record.State is RunState.Created && spec.Workers > 0 ? spec.Workers : spec.MinWorkers;
        var parts = new List<string>
        {
            RunTransitions.MemoryShortage(record, candidates)
                ?? (ready >= wanted ? $"{RunTransitions.Count(ready, "worker")} ready, waiting a few seconds for more" : $"{ready} of {RunTransitions.Count(wanted, "worker")} ready"),
        };
        if (members.FirstOrDefault(member => member.Phase is WorkerPhase.Idle or WorkerPhase.Preparing) is { } preparing)
            parts.Add(FormattableString.Invariant($"{preparing.Worker} has been preparing for {preparing.SecondsInPhase:0.0} s"));
        parts.AddRange(members.Where(member => member.LeftOut is not null).Select(member => $"{member.Worker} is {member.LeftOut}"));
        return string.Join("; ", parts);
    }

    /// <summary>The member that holds the others up, or null.</summary>
    private static string? Awaited(RunRecord record, IReadOnlyList<MemberStatus> members)
    {
        if (record.State is not (RunState.Running or RunState.Stopping)) return null;
        // A member in the all-reduce waits for the others. Of these, the slowest one holds the run up.
        MemberStatus? awaited = members.Where(member => member.Rank is not null && member.Phase is not WorkerPhase.Reducing)
            .MinBy(member => (member.Step, -member.SecondsInPhase));
        return awaited is null ? null
            : FormattableString.Invariant($"worker {awaited.Worker}, {StateNames.Of(awaited.Phase)} step {awaited.Step} for {awaited.SecondsInPhase:0.0} s");
    }
}
