namespace Spikeformer.Runs;

/// <summary>The stored state of a run: everything that must outlive its grain. It is written before anything is announced.</summary>
[GenerateSerializer, Alias("spikeformer.RunRecord")]
public sealed record RunRecord
{
    /// <summary>The run's specification; null while no run has the name.</summary>
    [Id(0)] public RunSpec? Spec { get; init; }
    /// <summary>The run's state.</summary>
    [Id(1)] public RunState State { get; init; }
    /// <summary>The time at which it was accepted.</summary>
    [Id(2)] public DateTimeOffset Created { get; init; }
    /// <summary>The time at which its state last changed.</summary>
    [Id(3)] public DateTimeOffset Changed { get; init; }
    /// <summary>The newest generation; null before the first and while there are too few workers.</summary>
    [Id(4)] public GenerationPlan? Plan { get; init; }
    /// <summary>Number of the newest generation that was ever planned.</summary>
    [Id(5)] public long LastNumber { get; init; }
    /// <summary>The fingerprint that all members must have, from the first generation on.</summary>
    [Id(6)] public IReadOnlyDictionary<string, string>? Fingerprint { get; init; }
    /// <summary>Its result, or null.</summary>
    [Id(7)] public RunOutcome? Outcome { get; init; }
    /// <summary>The error that ended it, or null.</summary>
    [Id(8)] public WorkerFailure? Failure { get; init; }
    /// <summary>The last commands that were carried out.</summary>
    [Id(9)] public IReadOnlyList<AnsweredCommand> Commands { get; init; } = [];
    /// <summary>Number of the last event at the time of writing.</summary>
    [Id(10)] public long LastEvent { get; init; }
    /// <summary>V, from the recipe.</summary>
    [Id(11)] public int Shards { get; init; }
    /// <summary>Epochs, from the recipe.</summary>
    [Id(12)] public int Epochs { get; init; }
    /// <summary>Hash of the recipe.</summary>
    [Id(13)] public string RecipeHash { get; init; } = "";
    /// <summary>The last events, so that they reach the log even when the coordinator crashes.</summary>
    [Id(14)] public IReadOnlyList<ClusterEvent> Events { get; init; } = [];
}

/// <summary>A command that was carried out. When it is repeated, it changes nothing more.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.AnsweredCommand")]
public sealed record AnsweredCommand
{
    /// <summary>The caller's id.</summary>
    [Id(0)] public required Guid Id { get; init; }
}
