namespace Spikeformer.Contracts;

/// <summary>A committed step, as the lead reports it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.StepCommit")]
public sealed record StepCommit
{
    /// <summary>Number of committed steps, including this one.</summary>
    [Id(0)] public required long Step { get; init; }
    /// <summary>Epoch, from 0.</summary>
    [Id(1)] public int Epoch { get; init; }
    /// <summary>Number of samples of the step.</summary>
    [Id(2)] public long Samples { get; init; }
    /// <summary>Mean loss over its samples.</summary>
    [Id(3)] public double Loss { get; init; }
    /// <summary>Learning rate of the update.</summary>
    [Id(4)] public double LearningRate { get; init; }
    /// <summary>The step digest, 32 hex digits.</summary>
    [Id(5)] public required string Digest { get; init; }
    /// <summary>Number of the generation that committed it.</summary>
    [Id(6)] public long Generation { get; init; }
    /// <summary>Number of samples whose label had the largest logit.</summary>
    [Id(7)] public long Top1 { get; init; }
    /// <summary>Number of samples whose label was among the five largest logits.</summary>
    [Id(8)] public long Top5 { get; init; }
    /// <summary>Number of shards whose gradient was not finite; above 0, the update was skipped.</summary>
    [Id(9)] public int NonFiniteShards { get; init; }
    /// <summary>The time at which the lead applied it; for people only.</summary>
    [Id(10)] public DateTimeOffset Time { get; init; }
}

/// <summary>An evaluation at the end of an epoch.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.EpochResult")]
public sealed record EpochResult
{
    /// <summary>The epoch, from 0.</summary>
    [Id(0)] public required int Epoch { get; init; }
    /// <summary>Mean training loss.</summary>
    [Id(1)] public double TrainLoss { get; init; }
    /// <summary>Training accuracy, 0 to 1.</summary>
    [Id(2)] public double TrainAccuracy { get; init; }
    /// <summary>Mean test cross-entropy.</summary>
    [Id(3)] public double TestLoss { get; init; }
    /// <summary>Test accuracy, 0 to 1.</summary>
    [Id(4)] public double TestAccuracy { get; init; }
    /// <summary>Test top-5 accuracy, 0 to 1.</summary>
    [Id(5)] public double TestTop5 { get; init; }
    /// <summary>Best test accuracy so far.</summary>
    [Id(6)] public double BestTestAccuracy { get; init; }
}

/// <summary>A line of <c>events.jsonl</c>.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.ClusterEvent")]
public sealed record ClusterEvent
{
    /// <summary>Counts the run's events from 1; 0 until the run has numbered it.</summary>
    [Id(0)] public long Sequence { get; init; }
    /// <summary>The time of the event; for people only.</summary>
    [Id(1)] public DateTimeOffset Time { get; init; }
    /// <summary>Its kind: a constant of <c>EventKinds</c>, such as <c>generation</c> or <c>checkpoint</c>.</summary>
    [Id(2)] public required string Kind { get; init; }
    /// <summary>Committed steps at that time.</summary>
    [Id(3)] public long Step { get; init; }
    /// <summary>The event in words.</summary>
    [Id(4)] public required string Message { get; init; }
    /// <summary>The worker that it happened to, or null.</summary>
    [Id(5)] public string? Worker { get; init; }
    /// <summary>The user whose command it follows from, or null.</summary>
    [Id(6)] public string? By { get; init; }
}

/// <summary>An error that keeps a worker from continuing with a run.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.WorkerFailure")]
public sealed record WorkerFailure
{
    /// <summary>The worker.</summary>
    [Id(0)] public required string Worker { get; init; }
    /// <summary>What happened and where, without the final full stop.</summary>
    [Id(1)] public required string Message { get; init; }
    /// <summary>The <see cref="ErrorKind"/>, which is the exit code of the command line.</summary>
    [Id(2)] public int ExitCode { get; init; } = 1;
    /// <summary>The exception with its stack, for developers.</summary>
    [Id(3)] public string? Details { get; init; }
    /// <summary>The step that was being computed, or null.</summary>
    [Id(4)] public long? Step { get; init; }
    /// <summary>What the user can do, without the final full stop; empty in records of earlier versions, whose message includes it.</summary>
    [Id(5)] public string Remedy { get; init; } = "";

    /// <summary>Returns the error that the worker met.</summary>
    public SpikeformerException ToException() => new((ErrorKind)ExitCode, Message, Remedy);
}

/// <summary>The result of a run when its members are done with it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.RunOutcome")]
public sealed record RunOutcome
{
    /// <summary>Completed or Stopped.</summary>
    [Id(0)] public required RunState State { get; init; }
    /// <summary>Completed epochs.</summary>
    [Id(1)] public int Epoch { get; init; }
    /// <summary>Committed steps.</summary>
    [Id(2)] public long Step { get; init; }
    /// <summary>Mean training loss of the last epoch.</summary>
    [Id(3)] public double Loss { get; init; }
    /// <summary>Last test accuracy, 0 to 1.</summary>
    [Id(4)] public double TestAccuracy { get; init; }
    /// <summary>Last top-5 test accuracy, 0 to 1.</summary>
    [Id(5)] public double TestTop5 { get; init; }
    /// <summary>Best test accuracy, 0 to 1.</summary>
    [Id(6)] public double BestTestAccuracy { get; init; }
    /// <summary>Training samples per second over all workers, without evaluation.</summary>
    [Id(7)] public double SamplesPerSecond { get; init; }
    /// <summary>Chained digest of all steps.</summary>
    [Id(8)] public required string StepDigest { get; init; }
    /// <summary>SHA-256 of weights, statistics and optimizer state.</summary>
    [Id(9)] public required string WeightsDigest { get; init; }
    /// <summary>Folder of the last checkpoint, or null.</summary>
    [Id(10)] public string? Checkpoint { get; init; }
}
