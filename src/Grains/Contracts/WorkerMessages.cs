namespace Spikeformer.Contracts;

/// <summary>The identity of a worker process.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.WorkerInfo")]
public sealed record WorkerInfo
{
    /// <summary>Its name, <c>silo/slot</c>.</summary>
    [Id(0)] public required string Worker { get; init; }
    /// <summary>Identifies its process: random, new at every start.</summary>
    [Id(1)] public required ulong Incarnation { get; init; }
    /// <summary>Its device, <c>cpu:0</c> or <c>cuda:1</c>.</summary>
    [Id(2)] public required string Device { get; init; }
    /// <summary>Address of its data plane, <c>host:port</c>.</summary>
    [Id(3)] public required string Address { get; init; }
    /// <summary>Equal for workers that can share memory.</summary>
    [Id(4)] public required string HostId { get; init; }
    /// <summary>Id of its process, for people.</summary>
    [Id(5)] public int ProcessId { get; init; }
}

/// <summary>The phase of a worker. The names are printed.</summary>
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
    /// <summary>Has the run's state and applies each new step; can become a voter at a boundary.</summary>
    Following,
    /// <summary>Connects to the other members.</summary>
    Connecting,
    /// <summary>Brings its state to that of the other members.</summary>
    Aligning,
    /// <summary>Runs forward and backward passes.</summary>
    Computing,
    /// <summary>Takes part in the all-reduce: sends, receives, waits for peers.</summary>
    Reducing,
    /// <summary>Updates the weights.</summary>
    Applying,
    /// <summary>Evaluates the test split.</summary>
    Evaluating,
    /// <summary>Waits for its checkpoint to reach the disk.</summary>
    Saving,
    /// <summary>Lost a peer and waits for the next generation.</summary>
    Sealed,
    /// <summary>Is done with the run.</summary>
    Done,
    /// <summary>Has exited after a drain; its silo starts no other process for the device.</summary>
    Drained,
}

/// <summary>A worker's sign of life to its twin.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.WorkerReport")]
public sealed record WorkerReport
{
    /// <summary>Who reports.</summary>
    [Id(0)] public required WorkerInfo Info { get; init; }
    /// <summary>The run it serves, or null.</summary>
    [Id(1)] public string? Run { get; init; }
    /// <summary>Its current phase.</summary>
    [Id(2)] public WorkerPhase Phase { get; init; }
    /// <summary>Committed steps of its run.</summary>
    [Id(3)] public long Step { get; init; }
    /// <summary>Whether it was asked to exit and takes no new run.</summary>
    [Id(4)] public bool IsDraining { get; init; }
}

/// <summary>The reply of a worker's twin.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.WorkerOrder")]
public sealed record WorkerOrder
{
    /// <summary>The run to serve; null to stay idle, and while the worker serves a run.</summary>
    [Id(0)] public string? Run { get; init; }
    /// <summary>Whether to leave the run at the next boundary and exit.</summary>
    [Id(1)] public bool MustDrain { get; init; }
}

/// <summary>A worker as the cluster sees it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.WorkerStatus")]
public sealed record WorkerStatus
{
    /// <summary>Its last report.</summary>
    [Id(0)] public required WorkerReport Report { get; init; }
    /// <summary>Seconds since its last report.</summary>
    [Id(1)] public double SecondsSinceReport { get; init; }
}
