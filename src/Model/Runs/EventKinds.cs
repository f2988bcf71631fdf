namespace Spikeformer.Runs;

/// <summary>The kinds of events in a run's <c>events.jsonl</c>. Readers match on them: append, never rename. The page <c>docs/events.md</c> shows the
/// comments of the constants.</summary>
public static class EventKinds
{
    /// <summary>The cluster has accepted a new run.</summary>
    public const string Accepted = "accepted";

    /// <summary>The cluster has accepted a run again, or the lead has loaded the checkpoint from which it continues.</summary>
    public const string Resumed = "resumed";

    /// <summary>A plan for the next generation: which worker owns which shards.</summary>
    public const string Generation = "generation";

    /// <summary>A worker cannot become a member, for example because its processor is of another kind. The message says why.</summary>
    public const string LeftOut = "leftOut";

    /// <summary>The lead has created the run directory.</summary>
    public const string Started = "started";

    /// <summary>A resumed run has changed by name; the new lineage begins at this step.</summary>
    public const string Lineage = "lineage";

    /// <summary>The lead waits for an earlier lead to release the run directory. Training continues.</summary>
    public const string Waiting = "waiting";

    /// <summary>The members of a generation hold the same state and begin to train.</summary>
    public const string Aligned = "aligned";

    /// <summary>A worker that joins has received the state.</summary>
    public const string Copied = "copied";

    /// <summary>A member has applied a step that others had already committed.</summary>
    public const string CaughtUp = "caughtUp";

    /// <summary>A gradient was not finite: the step is committed without an update.</summary>
    public const string StepSkipped = "stepSkipped";

    /// <summary>An epoch has ended and was evaluated.</summary>
    public const string Evaluation = "evaluation";

    /// <summary>A checkpoint was saved and verified.</summary>
    public const string Checkpoint = "checkpoint";

    /// <summary>A save was abandoned because another writer was lost; the next step tries again.</summary>
    public const string CheckpointAbandoned = "checkpointAbandoned";

    /// <summary>A checkpoint could not be saved, for example because the disk is full. Training continues.</summary>
    public const string CheckpointFailed = "checkpointFailed";

    /// <summary>Something needs attention but does not stop training.</summary>
    public const string Warning = "warning";

    /// <summary>A generation has lost a member and commits nothing more.</summary>
    public const string Sealed = "sealed";

    /// <summary>The members do not hold the same bits: all return to the last checkpoint.</summary>
    public const string Mismatch = "mismatch";

    /// <summary>Where the time of a generation went, when it ends.</summary>
    public const string Timing = "timing";

    /// <summary>The run has fewer workers than it needs.</summary>
    public const string WaitingForWorkers = "waitingForWorkers";

    /// <summary>A stop was requested: the members save and stop at the next step.</summary>
    public const string Stopping = "stopping";

    /// <summary>The run has stopped and can be resumed.</summary>
    public const string Stopped = "stopped";

    /// <summary>All epochs are done.</summary>
    public const string Completed = "completed";

    /// <summary>An error has ended the run.</summary>
    public const string Failed = "failed";

    /// <summary>The run was cancelled, without a checkpoint.</summary>
    public const string Cancelled = "cancelled";
}
