namespace Spikeformer.Contracts;

/// <summary>A worker's report to its run. The reply is its next order.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.MemberReport")]
public sealed record MemberReport
{
    /// <summary>The worker that reports.</summary>
    [Id(0)] public required WorkerInfo Info { get; init; }
    /// <summary>Counts this incarnation's reports from 1. A repeated report is answered and changes nothing.</summary>
    [Id(1)] public required long Sequence { get; init; }
    /// <summary>Its current phase.</summary>
    [Id(2)] public required WorkerPhase Phase { get; init; }
    /// <summary>Committed steps.</summary>
    [Id(3)] public long Step { get; init; }
    /// <summary>Number of its generation, 0 for none.</summary>
    [Id(4)] public long Generation { get; init; }
    /// <summary>Nonce of that generation.</summary>
    [Id(5)] public Guid Nonce { get; init; }
    /// <summary>The number of shards that fit into its memory, at least 1 and at least those that it owns; <see cref="int.MaxValue"/> where that is
    /// not measured.</summary>
    [Id(6)] public int Capacity { get; init; } = int.MaxValue;
    /// <summary>Properties of numerics and data that must be equal among members, by name. Empty before the worker has prepared, and again once
    /// the run knows them.</summary>
    [Id(7)] public IReadOnlyDictionary<string, string> Fingerprint { get; init; } = new Dictionary<string, string>();
    /// <summary>Whether it asks to leave at the next boundary.</summary>
    [Id(8)] public bool WantsToLeave { get; init; }
    /// <summary>Workers of its generation that it believes lost, or was told are lost. Once the phase is Sealed, each of them must report to count
    /// as alive.</summary>
    [Id(9)] public IReadOnlyList<string> Lost { get; init; } = [];
    /// <summary>Steps committed since the last answered report. Only the lead fills this in.</summary>
    [Id(10)] public IReadOnlyList<StepCommit> Commits { get; init; } = [];
    /// <summary>Evaluations since the last answered report. Only the lead fills this in.</summary>
    [Id(11)] public IReadOnlyList<EpochResult> Epochs { get; init; } = [];
    /// <summary>Events since the last answered report.</summary>
    [Id(12)] public IReadOnlyList<ClusterEvent> Events { get; init; } = [];
    /// <summary>The error that keeps it from continuing, or null.</summary>
    [Id(13)] public WorkerFailure? Failure { get; init; }
    /// <summary>The end of the run. Only the lead fills this in, in phase Done.</summary>
    [Id(14)] public RunOutcome? Outcome { get; init; }
    /// <summary>Steps of an epoch; 0 until known.</summary>
    [Id(15)] public int StepsPerEpoch { get; init; }
    /// <summary>Training samples; 0 until known.</summary>
    [Id(16)] public int TrainSamples { get; init; }
    /// <summary>Median seconds of a step's forward and backward pass per shard; 0 until known.</summary>
    [Id(17)] public double SecondsPerShard { get; init; }
    /// <summary>Number of the last event that the lead has written to <c>events.jsonl</c>.</summary>
    [Id(18)] public long EventsWritten { get; init; }
    /// <summary>Nonce of the newest generation that it knows; the reply does not repeat that generation.</summary>
    [Id(19)] public Guid Known { get; init; }
    /// <summary>The start of the run that it serves, <see cref="RunSpec.StartId"/>; empty until known.</summary>
    [Id(20)] public Guid StartId { get; init; }
    /// <summary>Workers of its generation that it does not hear although no connection was closed: it has had no sign of life from them for half of
    /// the time after which they count as lost, or it could not connect to them.</summary>
    [Id(21)] public IReadOnlyList<string> Silent { get; init; } = [];
}

/// <summary>An order of a run to a worker.</summary>
public enum MemberAction
{
    /// <summary>Stay and report again.</summary>
    Wait,
    /// <summary>Take the voter's place that the plan names.</summary>
    Vote,
    /// <summary>Follow the plan's voters without owning shards.</summary>
    Learn,
    /// <summary>Finish the current step, save, and end the run as stopped.</summary>
    Stop,
    /// <summary>Leave the run; it no longer needs this worker.</summary>
    Release,
}

/// <summary>The reply to a report.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.MemberOrder")]
public sealed record MemberOrder
{
    /// <summary>The order.</summary>
    [Id(0)] public required MemberAction Action { get; init; }
    /// <summary>The run's newest generation; null before the first one, and when <see cref="IsPlanKnown"/>.</summary>
    [Id(1)] public GenerationPlan? Plan { get; init; }
    /// <summary>The run's specification; sent until the worker has prepared it.</summary>
    [Id(2)] public RunSpec? Spec { get; init; }
    /// <summary>For the lead: events to append to <c>events.jsonl</c>.</summary>
    [Id(3)] public IReadOnlyList<ClusterEvent> Events { get; init; } = [];
    /// <summary>Why the run failed, leaves this worker out, or has too little memory on its workers, and what to do; null where none of these is
    /// so.</summary>
    [Id(4)] public string? Reason { get; init; }
    /// <summary>Seconds after which to report again if nothing happens.</summary>
    [Id(5)] public double ReportWithinSeconds { get; init; } = 0.25;
    /// <summary>Whether the newest generation is the one that the report named as known.</summary>
    [Id(6)] public bool IsPlanKnown { get; init; }
    /// <summary>Whether the run has the worker's fingerprint, so that reports need not repeat it.</summary>
    [Id(7)] public bool IsFingerprintKnown { get; init; }
}
