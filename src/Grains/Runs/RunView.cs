using Spikeformer.Contracts;
using Spikeformer.Recipes;

namespace Spikeformer.Runs;

/// <summary>How a run looks from outside.</summary>
public static class RunView
{
    /// <summary>State, members, and what is awaited; steps and rates are the caller's to add.</summary>
    public static RunStatus Status(string run, RunRecord record, Roster roster)
    {
        MemberStatus[] members = [.. Members(record, roster)];
        return new()
        {
            Run = run,
            State = record.State,
            Created = record.Created,
            Changed = record.Changed,
            WaitingFor = Awaited(record, members),
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

    /// <summary>What the shards' ledgers follow from; null until the training samples are known.</summary>
    public static LedgerBasis? Ledger(RunRecord record, int trainSamples)
    {
        if (trainSamples == 0 || record.Spec is not { } spec) return null;
        Recipe recipe = RecipeReader.Read(spec.Recipe, spec.Name);
        return new() { Seed = recipe.Seed, Samples = trainSamples, Batch = recipe.Batch, Shards = recipe.Shards, StartEpoch = spec.StartEpoch };
    }

    private static IEnumerable<MemberStatus> Members(RunRecord record, Roster roster)
    {
        IReadOnlyList<PlanMember> voters = record.Plan?.Members ?? [];
        foreach (PlanMember voter in voters) yield return Member(voter.Worker, voter, roster);
        foreach (MemberReport report in roster.Reports)
            if (voters.All(voter => voter.Worker != report.Info.Worker)) yield return Member(report.Info.Worker, null, roster);
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
        };
    }

    /// <summary>The member that holds the others up, or the workers that are missing.</summary>
    private static string? Awaited(RunRecord record, IReadOnlyList<MemberStatus> members)
    {
        if (record.Spec is not { } spec) return null;
        if (record.State is RunState.Created or RunState.WaitingForWorkers)
        {
            string wanted = spec.Workers > spec.MinWorkers && record.State is RunState.Created ? $"{spec.Workers}" : $"at least {spec.MinWorkers}";
            MemberStatus? preparing = members.FirstOrDefault(member => member.Phase is WorkerPhase.Idle or WorkerPhase.Preparing);
            return preparing is null
                ? $"workers: {members.Count} of {wanted} have come"
                : $"worker {preparing.Worker}, which opens the data for {preparing.SecondsInPhase:0.0} s; {members.Count} of {wanted} workers have come";
        }
        if (record.State is not (RunState.Running or RunState.Stopping)) return null;
        // Whoever is in the all-reduce waits for the others; the slowest of those is the one that is awaited.
        MemberStatus? awaited = members.Where(member => member.Rank is not null && member.Phase is not WorkerPhase.Reducing)
            .MinBy(member => (member.Step, -member.SecondsInPhase));
        return awaited is null ? null
            : FormattableString.Invariant($"worker {awaited.Worker}, {StateNames.Of(awaited.Phase)} step {awaited.Step} for {awaited.SecondsInPhase:0.0} s");
    }
}
