namespace Spikeformer.Contracts;

/// <summary>What a worker is.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.WorkerInfo")]
public sealed record WorkerInfo
{
    /// <summary>Its name, <c>silo/slot</c>.</summary>
    [Id(0)] public required string Worker { get; init; }
    /// <summary>Its process: random, new at every start.</summary>
    [Id(1)] public required ulong Incarnation { get; init; }
    /// <summary>Its device, <c>cpu:0</c> or <c>cuda:1</c>.</summary>
    [Id(2)] public required string Device { get; init; }
    /// <summary>Where its data plane listens, <c>host:port</c>.</summary>
    [Id(3)] public required string Address { get; init; }
    /// <summary>Equal for workers that can share memory.</summary>
    [Id(4)] public required string HostId { get; init; }
    /// <summary>Process id, for people.</summary>
    [Id(5)] public int ProcessId { get; init; }
}

/// <summary>What a worker is doing. Names are printed.</summary>
public enum WorkerPhase
{
    /// <summary>Serves no run.</summary>
    Idle,
    /// <summary>Opens data and builds the network.</summary>
    Preparing,
    /// <summary>Ready to become a voter.</summary>
    Ready,
    /// <summary>Copies the run's state from its members.</summary>
    Learning,
    /// <summary>Has the run's state and applies its steps as they come; can become a voter at a boundary.</summary>
    Following,
    /// <summary>Connects to the other members.</summary>
    Connecting,
    /// <summary>Brings its state to that of the others.</summary>
    Aligning,
    /// <summary>Forward and backward.</summary>
    Computing,
    /// <summary>In the all-reduce: sends, receives, waits for peers.</summary>
    Reducing,
    /// <summary>Updates the weights.</summary>
    Applying,
    /// <summary>Runs the test split.</summary>
    Evaluating,
    /// <summary>Waits for its checkpoint to reach the disk.</summary>
    Saving,
    /// <summary>Lost a peer; waits for the next generation.</summary>
    Sealed,
    /// <summary>Is done with the run.</summary>
    Done,
}

/// <summary>A worker's sign of life to its twin.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.WorkerReport")]
public sealed record WorkerReport
{
    /// <summary>Who reports.</summary>
    [Id(0)] public required WorkerInfo Info { get; init; }
    /// <summary>The run it serves, or null.</summary>
    [Id(1)] public string? Run { get; init; }
    /// <summary>What it is doing.</summary>
    [Id(2)] public WorkerPhase Phase { get; init; }
    /// <summary>Committed steps of its run.</summary>
    [Id(3)] public long Step { get; init; }
    /// <summary>Whether it was asked to end and takes no new run.</summary>
    [Id(4)] public bool IsDraining { get; init; }
}

/// <summary>What a worker's twin wants of it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.WorkerOrder")]
public sealed record WorkerOrder
{
    /// <summary>The run to serve, or null to stay idle. Says nothing while the worker serves one.</summary>
    [Id(0)] public string? Run { get; init; }
    /// <summary>Whether to end in order.</summary>
    [Id(1)] public bool MustDrain { get; init; }
}

/// <summary>A worker as the cluster sees it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.WorkerStatus")]
public sealed record WorkerStatus
{
    /// <summary>What it said last.</summary>
    [Id(0)] public required WorkerReport Report { get; init; }
    /// <summary>Seconds since then.</summary>
    [Id(1)] public double SecondsSinceReport { get; init; }
}
