namespace Spikeformer.Checkpoints;

/// <summary>A checkpoint as a scan finds it: its manifest was read, its slices were not.</summary>
/// <param name="Id">Step and lineage, from the folder's name.</param>
/// <param name="Manifest">The manifest; null when it cannot be used.</param>
/// <param name="Problem">Why the manifest cannot be used; null when it can.</param>
/// <param name="IsBest">Marked as the best of the run; stays.</param>
/// <param name="IsPinned">Pinned by someone; stays.</param>
public sealed record CheckpointEntry(CheckpointId Id, Manifest? Manifest, SpikeformerException? Problem, bool IsBest, bool IsPinned)
{
    /// <summary>What was saved; null when the manifest cannot be used.</summary>
    public CheckpointInfo? Info => Manifest?.Checkpoint;

    /// <summary>Whether another version of Spikeformer wrote it: not readable here, but not damaged either.</summary>
    public bool IsForeign => Problem is { Kind: ErrorKind.Conflict };
}

/// <summary>A checkpoint with its state.</summary>
/// <param name="Id">Step and lineage.</param>
/// <param name="Info">What was saved.</param>
/// <param name="State">The tensors in canonical order; every byte was verified.</param>
public sealed record Checkpoint(CheckpointId Id, CheckpointInfo Info, IReadOnlyList<StateTensor> State);

/// <summary>A checkpoint that was passed over.</summary>
/// <param name="Id">Step and lineage.</param>
/// <param name="Reason">What is wrong with it, and where.</param>
public sealed record SkippedCheckpoint(CheckpointId Id, string Reason);

/// <summary>The result of looking for the newest valid checkpoint.</summary>
/// <param name="Checkpoint">The newest valid one; null when there is none.</param>
/// <param name="Skipped">Newer ones that are broken, newest first, with the reason of each.</param>
public sealed record NewestCheckpoint(Checkpoint? Checkpoint, IReadOnlyList<SkippedCheckpoint> Skipped);

/// <summary>The result of a save.</summary>
/// <param name="Entry">The new checkpoint.</param>
/// <param name="Writers">The workers that wrote its slices together; empty when the caller wrote it alone.</param>
/// <param name="Removed">Older ones that retention removed.</param>
/// <param name="Warnings">What went wrong after the checkpoint was safe: it exists all the same.</param>
public sealed record SaveResult(CheckpointEntry Entry, IReadOnlyList<string> Writers, IReadOnlyList<CheckpointId> Removed, IReadOnlyList<string> Warnings);
