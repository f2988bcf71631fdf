namespace Spikeformer.Contracts;

/// <summary>A member's report to its run; the reply tells it what to do next.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.MemberReport")]
public sealed record MemberReport
{
    /// <summary>Who reports.</summary>
    [Id(0)] public required WorkerInfo Info { get; init; }
    /// <summary>Counts this incarnation's reports from 1; a repeated one is answered and changes nothing.</summary>
    [Id(1)] public required long Sequence { get; init; }
    /// <summary>What it is doing.</summary>
    [Id(2)] public required WorkerPhase Phase { get; init; }
    /// <summary>Committed steps.</summary>
    [Id(3)] public long Step { get; init; }
    /// <summary>Number of the generation it is in, 0 for none.</summary>
    [Id(4)] public long Generation { get; init; }
    /// <summary>Nonce of that generation.</summary>
    [Id(5)] public Guid Nonce { get; init; }
    /// <summary>Most shards that its memory holds; at least 1.</summary>
    [Id(6)] public int Capacity { get; init; } = int.MaxValue;
    /// <summary>Numerics and data that must be equal among members, by name; empty until they are known, and once the run has them.</summary>
    [Id(7)] public IReadOnlyDictionary<string, string> Fingerprint { get; init; } = new Dictionary<string, string>();
    /// <summary>Whether it wants to leave at the next boundary.</summary>
    [Id(8)] public bool WantsToLeave { get; init; }
    /// <summary>Workers of its generation that it, or a peer that told it, believes lost. Once the phase is Sealed these must answer.</summary>
    [Id(9)] public IReadOnlyList<string> Lost { get; init; } = [];
    /// <summary>Steps committed since the last answered report; the lead's only.</summary>
    [Id(10)] public IReadOnlyList<StepCommit> Commits { get; init; } = [];
    /// <summary>Evaluations since then; the lead's only.</summary>
    [Id(11)] public IReadOnlyList<EpochResult> Epochs { get; init; } = [];
    /// <summary>Events since then.</summary>
    [Id(12)] public IReadOnlyList<ClusterEvent> Events { get; init; } = [];
    /// <summary>Why it cannot go on, or null.</summary>
    [Id(13)] public WorkerFailure? Failure { get; init; }
    /// <summary>How the run ended; the lead's only, in phase Done.</summary>
    [Id(14)] public RunOutcome? Outcome { get; init; }
    /// <summary>Steps of an epoch; 0 until known.</summary>
    [Id(15)] public int StepsPerEpoch { get; init; }
    /// <summary>Training samples; 0 until known.</summary>
    [Id(16)] public int TrainSamples { get; init; }
    /// <summary>Mean seconds of a step's forward and backward per shard; 0 until known.</summary>
    [Id(17)] public double SecondsPerShard { get; init; }
    /// <summary>Number of the last event that the lead has written to <c>events.jsonl</c>.</summary>
    [Id(18)] public long EventsWritten { get; init; }
    /// <summary>Nonce of the newest generation that it was told of; the reply does not repeat that one.</summary>
    [Id(19)] public Guid Known { get; init; }
    /// <summary>Which start of the run it serves, <see cref="RunSpec.StartId"/>; empty until it knows.</summary>
    [Id(20)] public Guid StartId { get; init; }
    /// <summary>Workers of its generation that it does not hear, though no connection was closed: they have given it no sign of life for half as long
    /// as it takes to give them up, or it could not connect to them.</summary>
    [Id(21)] public IReadOnlyList<string> Silent { get; init; } = [];
}

/// <summary>What a run wants of a worker that reports.</summary>
public enum MemberAction
{
    /// <summary>Stay and report again.</summary>
    Wait,
    /// <summary>Be the voter that the plan says.</summary>
    Vote,
    /// <summary>Follow the plan's voters without owning shards.</summary>
    Learn,
    /// <summary>Finish the step under way, save, and end the run as stopped.</summary>
    Stop,
    /// <summary>Drop the run; it needs this worker no more.</summary>
    Release,
}

/// <summary>The reply to a report.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.MemberOrder")]
public sealed record MemberOrder
{
    /// <summary>What to do.</summary>
    [Id(0)] public required MemberAction Action { get; init; }
    /// <summary>The run's newest generation; null before the first, and when <see cref="IsPlanKnown"/>.</summary>
    [Id(1)] public GenerationPlan? Plan { get; init; }
    /// <summary>What the run is; sent until the worker has prepared it.</summary>
    [Id(2)] public RunSpec? Spec { get; init; }
    /// <summary>For the lead: events to append to <c>events.jsonl</c>.</summary>
    [Id(3)] public IReadOnlyList<ClusterEvent> Events { get; init; } = [];
    /// <summary>Why a worker was refused or released, or null.</summary>
    [Id(4)] public string? Reason { get; init; }
    /// <summary>Seconds after which to report again if nothing happens.</summary>
    [Id(5)] public double ReportWithinSeconds { get; init; } = 0.25;
    /// <summary>Whether the newest generation is the one that the report said is known.</summary>
    [Id(6)] public bool IsPlanKnown { get; init; }
    /// <summary>Whether the run has the worker's fingerprint, so that reports need not bring it again.</summary>
    [Id(7)] public bool IsFingerprintKnown { get; init; }
}
