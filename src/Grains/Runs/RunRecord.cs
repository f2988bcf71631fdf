using Spikeformer.Contracts;

namespace Spikeformer.Runs;

/// <summary>What a run grain stores: all that must outlive it. Written before anybody is told.</summary>
[GenerateSerializer, Alias("spikeformer.RunRecord")]
public sealed record RunRecord
{
    /// <summary>What was asked for; null while the name was never used.</summary>
    [Id(0)] public RunSpec? Spec { get; init; }
    /// <summary>Where the run stands.</summary>
    [Id(1)] public RunState State { get; init; }
    /// <summary>When it was accepted.</summary>
    [Id(2)] public DateTimeOffset Created { get; init; }
    /// <summary>When its state last changed.</summary>
    [Id(3)] public DateTimeOffset Changed { get; init; }
    /// <summary>The newest generation; null before the first and while there are too few workers.</summary>
    [Id(4)] public GenerationPlan? Plan { get; init; }
    /// <summary>Number of the newest generation that ever was.</summary>
    [Id(5)] public long LastNumber { get; init; }
    /// <summary>What members must have in common, from the first generation on.</summary>
    [Id(6)] public IReadOnlyDictionary<string, string>? Fingerprint { get; init; }
    /// <summary>How it ended, or null.</summary>
    [Id(7)] public RunOutcome? Outcome { get; init; }
    /// <summary>Why it failed, or null.</summary>
    [Id(8)] public WorkerFailure? Failure { get; init; }
    /// <summary>The last commands that were carried out.</summary>
    [Id(9)] public IReadOnlyList<AnsweredCommand> Commands { get; init; } = [];
    /// <summary>Number of the last event when this was written.</summary>
    [Id(10)] public long LastEvent { get; init; }
    /// <summary>V, from the recipe.</summary>
    [Id(11)] public int Shards { get; init; }
    /// <summary>Epochs, from the recipe.</summary>
    [Id(12)] public int Epochs { get; init; }
    /// <summary>Hash of the recipe.</summary>
    [Id(13)] public string RecipeHash { get; init; } = "";
    /// <summary>The last events: what a crash of the coordinator must not keep from the log.</summary>
    [Id(14)] public IReadOnlyList<ClusterEvent> Events { get; init; } = [];
}

/// <summary>A command that was carried out: sent again, it changes nothing more.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.AnsweredCommand")]
public sealed record AnsweredCommand
{
    /// <summary>The caller's id.</summary>
    [Id(0)] public required Guid Id { get; init; }
}
