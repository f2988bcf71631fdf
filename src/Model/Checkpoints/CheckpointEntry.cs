namespace Spikeformer.Checkpoints;

/// <summary>A checkpoint as a scan finds it: the scan reads its manifest but not its slices.</summary>
/// <param name="Id">Step and lineage, from the folder's name.</param>
/// <param name="Manifest">The manifest; null if it cannot be used.</param>
/// <param name="Problem">The reason why the manifest cannot be used; null if it can.</param>
/// <param name="IsBest">Whether it is marked as the best of the run; retention keeps it.</param>
/// <param name="IsPinned">Whether it is pinned; retention keeps it.</param>
public sealed record CheckpointEntry(CheckpointId Id, Manifest? Manifest, SpikeformerException? Problem, bool IsBest, bool IsPinned)
{
    /// <summary>The description of the saved state; null if the manifest cannot be used.</summary>
    public CheckpointInfo? Info => Manifest?.Checkpoint;

    /// <summary>Whether another version of Spikeformer wrote it. This version cannot read it, but it is not damaged.</summary>
    public bool IsForeign => Problem is { Kind: ErrorKind.Conflict };
}

/// <summary>A checkpoint with its state.</summary>
/// <param name="Id">Step and lineage.</param>
/// <param name="Info">The description of the state.</param>
/// <param name="State">The tensors in canonical order; every byte was verified.</param>
public sealed record Checkpoint(CheckpointId Id, CheckpointInfo Info, IReadOnlyList<StateTensor> State);

/// <summary>A damaged checkpoint that was skipped.</summary>
/// <param name="Id">Step and lineage.</param>
/// <param name="Reason">The problem and its place.</param>
public sealed record SkippedCheckpoint(CheckpointId Id, string Reason);

/// <summary>The result of a search for the newest valid checkpoint.</summary>
/// <param name="Checkpoint">The newest valid checkpoint; null if the run has no valid one.</param>
/// <param name="Skipped">Newer checkpoints that are damaged, newest first, each with its reason.</param>
public sealed record NewestCheckpoint(Checkpoint? Checkpoint, IReadOnlyList<SkippedCheckpoint> Skipped);

/// <summary>The result of a save.</summary>
/// <param name="Entry">The new checkpoint.</param>
/// <param name="Writers">The workers that wrote its slices in a shared save; empty if the caller wrote it alone.</param>
/// <param name="Removed">Older checkpoints that retention removed.</param>
/// <param name="Warnings">Problems after the checkpoint was safe. The checkpoint exists nevertheless.</param>
public sealed record SaveResult(CheckpointEntry Entry, IReadOnlyList<string> Writers, IReadOnlyList<CheckpointId> Removed, IReadOnlyList<string> Warnings);
