namespace Spikeformer.Checkpoints;

/// <summary>Removes the checkpoints that <see cref="Retention"/> does not keep, and partial ones; sets and removes the marks that keep them.</summary>
/// <remarks>Methods throw the exceptions of <see cref="ICheckpointFiles"/>, except those named Try. The caller holds the lock.</remarks>
internal sealed class RetentionFiles(ICheckpointFiles files, CheckpointReader reader)
{
    // Manifests whose slices this process or its fellow writers have read and found right. A rewritten manifest must be verified again.
    private readonly Dictionary<CheckpointId, byte[]> _verified = [];

    /// <summary>Removes superseded checkpoints once enough newer ones are verified.</summary>
    /// <param name="keep">The number of verified checkpoints to keep.</param>
    /// <returns>The removed checkpoints.</returns>
    public IReadOnlyList<CheckpointId> RemoveSuperseded(int keep)
    {
        var entries = reader.Scan();
        var succession = Retention.Succession(entries);
        var kept = succession.Where(IsValid).Take(keep).ToList();
        var superseded = Retention.Superseded(entries, succession, kept, keep).Select(entry => entry.Id).ToList();
        superseded.ForEach(Remove);
        return superseded;
    }

    /// <summary>Records that the slices of a manifest have been verified.</summary>
    public void NoteVerified(CheckpointId id, byte[] manifest) => _verified[id] = manifest;

    /// <summary>Removes a checkpoint. The manifest is removed first, so a kill in between leaves a partial checkpoint, not a damaged one.</summary>
    public void Remove(CheckpointId id)
    {
        _verified.Remove(id);
        files.Delete(id.Folder, Manifest.FileName);
        files.DeleteFolder(id.Folder);
    }

    /// <summary>Removes what a failed save has left. The error of the save matters more than one of the clean-up.</summary>
    public void TryRemove(CheckpointId id) => BestEffort.Try(() => Remove(id));

    /// <summary>Removes the checkpoints without a manifest and what killed writes left in the others.</summary>
    public void RemovePartial()
    {
        foreach (CheckpointId id in reader.Folders().ToList())
            if (files.Files(id.Folder).Contains(Manifest.FileName)) files.DeleteLeftovers(id.Folder);
            else files.DeleteFolder(id.Folder);
    }

    /// <summary>Marks a checkpoint as pinned.</summary>
    public void Pin(CheckpointId id) => Mark(id, CheckpointReader.PinMark);

    /// <summary>Removes the mark of a pinned checkpoint.</summary>
    public void Unpin(CheckpointId id) => Unmark(id, CheckpointReader.PinMark);

    /// <summary>Marks a checkpoint as the best and removes the mark of every other one.</summary>
    public void MarkBest(CheckpointId id)
    {
        Mark(id, CheckpointReader.BestMark);
        foreach (CheckpointEntry other in reader.Scan())
            if (other.IsBest && other.Id != id) Unmark(other.Id, CheckpointReader.BestMark);
    }

    private void Mark(CheckpointId id, string mark) => files.Write(id.Folder, mark, _ => { });

    private void Unmark(CheckpointId id, string mark) => files.Delete(id.Folder, mark);

    // Hashed once by each process. After that, it is enough that the files still exist.
    private bool IsValid(CheckpointEntry entry)
    {
        if (entry.Manifest?.ToBytes() is not { } bytes) return false;
        if (_verified.TryGetValue(entry.Id, out byte[]? seen) && seen.AsSpan().SequenceEqual(bytes))
            return entry.Manifest.Slices.Select(slice => slice.File).Except(files.Files(entry.Id.Folder)).Any() is false;
        if (reader.Verify(entry).Count > 0) return false;
        _verified[entry.Id] = bytes;
        return true;
    }
}
