namespace Spikeformer.Contracts;

/// <summary>A member as its run shows it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.MemberStatus")]
public sealed record MemberStatus
{
    /// <summary>The worker.</summary>
    [Id(0)] public required string Worker { get; init; }
    /// <summary>Its device.</summary>
    [Id(1)] public required string Device { get; init; }
    /// <summary>Its rank; null for a learner and for a worker that waits.</summary>
    [Id(2)] public int? Rank { get; init; }
    /// <summary>First shard owned.</summary>
    [Id(3)] public int FirstShard { get; init; }
    /// <summary>One past the last shard owned.</summary>
    [Id(4)] public int EndShard { get; init; }
    /// <summary>Its current phase.</summary>
    [Id(5)] public WorkerPhase Phase { get; init; }
    /// <summary>Seconds since it began that phase of that step, by its reports.</summary>
    [Id(6)] public double SecondsInPhase { get; init; }
    /// <summary>Committed steps.</summary>
    [Id(7)] public long Step { get; init; }
    /// <summary>Seconds since its last report.</summary>
    [Id(8)] public double SecondsSinceReport { get; init; }
    /// <summary>Median seconds of a step per shard; 0 until known.</summary>
    [Id(9)] public double SecondsPerShard { get; init; }
    /// <summary>Why the run leaves it out, and what to do; null when it may train.</summary>
    [Id(10)] public string? LeftOut { get; init; }
    /// <summary>The number of shards that fit into its memory; null where that is not measured.</summary>
    [Id(11)] public int? Capacity { get; init; }
}

/// <summary>A run as clients see it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.RunStatus")]
public sealed record RunStatus
{
    /// <summary>Its name.</summary>
    [Id(0)] public required string Run { get; init; }
    /// <summary>Its state.</summary>
    [Id(1)] public required RunState State { get; init; }
    /// <summary>The time at which it was accepted.</summary>
    [Id(2)] public DateTimeOffset Created { get; init; }
    /// <summary>The time at which its state last changed.</summary>
    [Id(3)] public DateTimeOffset Changed { get; init; }
    /// <summary>The worker that holds the others up, or what is missing before it can train, for people; null when it waits for nothing.</summary>
    [Id(4)] public string? WaitingFor { get; init; }
    /// <summary>Number of its newest generation, 0 before the first.</summary>
    [Id(5)] public long Generation { get; init; }
    /// <summary>Voters by rank, then learners and others.</summary>
    [Id(6)] public IReadOnlyList<MemberStatus> Members { get; init; } = [];
    /// <summary>Committed steps.</summary>
    [Id(7)] public long Step { get; init; }
    /// <summary>Steps of the whole run; 0 until known.</summary>
    [Id(8)] public long TotalSteps { get; init; }
    /// <summary>Steps of an epoch; 0 until known.</summary>
    [Id(9)] public int StepsPerEpoch { get; init; }
    /// <summary>Epochs of the recipe.</summary>
    [Id(10)] public int Epochs { get; init; }
    /// <summary>The last committed step, or null.</summary>
    [Id(11)] public StepCommit? LastCommit { get; init; }
    /// <summary>The last evaluation, or null.</summary>
    [Id(12)] public EpochResult? LastEpoch { get; init; }
    /// <summary>Training samples per second over the last seconds.</summary>
    [Id(13)] public double SamplesPerSecond { get; init; }
    /// <summary>The error that ended it, or null.</summary>
    [Id(14)] public WorkerFailure? Failure { get; init; }
    /// <summary>Its result, or null.</summary>
    [Id(15)] public RunOutcome? Outcome { get; init; }
    /// <summary>Hash of its recipe.</summary>
    [Id(16)] public string RecipeHash { get; init; } = "";
    /// <summary>The run directory as the workers see it.</summary>
    [Id(17)] public string OutDirectory { get; init; } = "";
    /// <summary>V, the number of shards.</summary>
    [Id(18)] public int Shards { get; init; }
    /// <summary>Wanted workers; 0 for all that are available.</summary>
    [Id(19)] public int Workers { get; init; }
}

/// <summary>The news of a run since a client last asked.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.RunNews")]
public sealed record RunNews
{
    /// <summary>The run's current status.</summary>
    [Id(0)] public required RunStatus Status { get; init; }
    /// <summary>Events after the given number.</summary>
    [Id(1)] public IReadOnlyList<ClusterEvent> Events { get; init; } = [];
    /// <summary>Commits after the given step, as far back as the run remembers them.</summary>
    [Id(2)] public IReadOnlyList<StepCommit> Commits { get; init; } = [];
    /// <summary>Evaluations after the given count.</summary>
    [Id(3)] public IReadOnlyList<EpochResult> Epochs { get; init; } = [];
}

/// <summary>A client's position in a run's news.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.NewsPosition")]
public sealed record NewsPosition
{
    /// <summary>Number of the last event seen.</summary>
    [Id(0)] public long Event { get; init; }
    /// <summary>Last committed step seen.</summary>
    [Id(1)] public long Step { get; init; }
    /// <summary>Number of epochs whose evaluation was seen.</summary>
    [Id(2)] public int Epochs { get; init; }
}

/// <summary>A client's command. A repeated id gets the first answer and changes nothing.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.RunCommand")]
public sealed record RunCommand
{
    /// <summary>Chosen by the caller: new for each command, the same for each retry.</summary>
    [Id(0)] public required Guid Id { get; init; }
    /// <summary>The user that asks, for the event log.</summary>
    [Id(1)] public string By { get; init; } = "";
}

/// <summary>The settings that change when a run resumes.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.RunChanges")]
public sealed record RunChanges
{
    /// <summary>No changes.</summary>
    public static RunChanges None { get; } = new();

    /// <summary>Changes to the recipe, <c>key=value</c>.</summary>
    [Id(0)] public IReadOnlyList<string> Settings { get; init; } = [];
    /// <summary>Names of fields that may differ from the run's beginning; see <see cref="RunSpec.Overrides"/>.</summary>
    [Id(1)] public IReadOnlyList<string> Overrides { get; init; } = [];
    /// <summary>Another folder of the data, as the workers see it; null keeps the folder.</summary>
    [Id(2)] public string? DataPath { get; init; }
    /// <summary>See <see cref="RunSpec.Workers"/>; 0 keeps the number.</summary>
    [Id(3)] public int Workers { get; init; }
    /// <summary>See <see cref="RunSpec.MinWorkers"/>; 0 keeps the number.</summary>
    [Id(4)] public int MinWorkers { get; init; }
    /// <summary>See <see cref="RunSpec.CheckpointEvery"/>; 0 keeps the interval.</summary>
    [Id(5)] public int CheckpointEvery { get; init; }
    /// <summary>See <see cref="RunSpec.CacheDirectory"/>; null keeps the folder.</summary>
    [Id(6)] public string? CacheDirectory { get; init; }
}

/// <summary>The answer to a command.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.CommandReply")]
public sealed record CommandReply
{
    /// <summary>The run after the command.</summary>
    [Id(0)] public required RunStatus Status { get; init; }
    /// <summary>Why it was refused, without the final full stop; null when it was carried out.</summary>
    [Id(1)] public string? Refusal { get; init; }
    /// <summary>The <see cref="ErrorKind"/> of a refusal; 0 when it was carried out.</summary>
    [Id(2)] public int ExitCode { get; init; }
    /// <summary>What the user can do about a refusal, without the final full stop.</summary>
    [Id(3)] public string Remedy { get; init; } = "";
}

/// <summary>A run in the cluster's list.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.RunEntry")]
public sealed record RunEntry
{
    /// <summary>Its name.</summary>
    [Id(0)] public required string Run { get; init; }
    /// <summary>Its state.</summary>
    [Id(1)] public RunState State { get; init; }
    /// <summary>The time at which it was accepted.</summary>
    [Id(2)] public DateTimeOffset Created { get; init; }
    /// <summary>The number of further workers that it would take.</summary>
    [Id(3)] public int WantedWorkers { get; init; }
    /// <summary>Number of workers that serve it.</summary>
    [Id(4)] public int Workers { get; init; }
    /// <summary>Committed steps.</summary>
    [Id(5)] public long Step { get; init; }
    /// <summary>Steps of the whole run; 0 until known.</summary>
    [Id(6)] public long TotalSteps { get; init; }
}
