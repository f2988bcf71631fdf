namespace Spikeformer.Silo.Worker.Generation;

/// <summary>The parts of a step in their order, and the work between two steps.</summary>
internal enum StepPart
{
    /// <summary>Waits for the batch to be read.</summary>
    Load,
    /// <summary>Forward and backward, including the exchanges of coupled BatchNorm.</summary>
    Compute,
    /// <summary>Adds, sends and receives gradients, and waits for peers.</summary>
    Reduce,
    /// <summary>Updates the weights.</summary>
    Apply,
    /// <summary>Reports the step to the run and to the peers, and everything else until the next part: the cost of the system itself.</summary>
    Tell,
    /// <summary>Evaluates the test split.</summary>
    Evaluate,
    /// <summary>Waits for all members, and copies the state for a checkpoint.</summary>
    Save,
}

/// <summary>A part's names in the metrics, in reports to the run, in heartbeats to the peers, and in the fail points of tests.</summary>
internal readonly record struct StepPartNames(string Metric, WorkerPhase? Phase = null, Stage? Stage = null, string? FailPoint = null)
{
    public static StepPartNames Of(StepPart part) => part switch
    {
        StepPart.Load => new("data", WorkerPhase.Computing, Generation.Stage.Compute, "compute"),
        StepPart.Compute => new("compute"),
        StepPart.Reduce => new("all_reduce", WorkerPhase.Reducing, Generation.Stage.Reduce, "reduce"),
        StepPart.Apply => new("optimizer", WorkerPhase.Applying, FailPoint: "apply"),
        StepPart.Tell => new("rest", FailPoint: "applied"),
        StepPart.Evaluate => new("boundary", WorkerPhase.Evaluating, Generation.Stage.Evaluate),
        StepPart.Save => new("boundary"),
        _ => throw new ArgumentOutOfRangeException(nameof(part), part, null),
    };
}
