namespace Spikeformer.Checkpoints;

/// <summary>The checkpoints of one run. A save writes slices, verifies them by reading them back, and then writes the manifest, which alone makes the
/// checkpoint exist. A kill at any moment therefore leaves the whole checkpoint or none, and never changes an older one. The newest checkpoint is the one of
/// the highest step of the current lineage; file times do not matter. Thread-safe; several processes may share a directory.</summary>
public sealed class CheckpointStore
{
    private readonly ICheckpointFiles _files;
    private readonly CheckpointOptions _options;
    private readonly CheckpointReader _reader;
    private readonly RetentionFiles _retention;
    private readonly CheckpointSaver _saver;
    private readonly WriteLock _lock;

    /// <summary>Opens the checkpoints in a directory of the file system. Nothing is created or read yet.</summary>
    /// <param name="directory">The directory, <c>RUN/checkpoints</c>.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    public CheckpointStore(string directory, CheckpointOptions? options = null) : this(new LocalCheckpointFiles(directory), options)
    {
    }

    /// <summary>Opens the checkpoints in a storage. Nothing is created or read yet.</summary>
    /// <param name="files">The storage.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    public CheckpointStore(ICheckpointFiles files, CheckpointOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        _files = files;
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Keep, 1, nameof(options));
        _reader = new(files);
        _lock = new(files);
        _retention = new(files, _reader);
        _saver = new(files, _reader, _retention, _lock, _options);
    }

    /// <summary>The location of the checkpoints, for messages.</summary>
    public string Location => _files.Location;

    /// <summary>Lists all checkpoints, highest lineage and step first, including damaged ones with their problem. Reads only manifests.</summary>
    /// <exception cref="SpikeformerException">The storage cannot be listed.</exception>
    public IReadOnlyList<CheckpointEntry> List() => _reader.Scan();

    /// <summary>Saves a state, then removes the checkpoints that retention no longer keeps. Blocks until the disk has finished: call it on a background thread,
    /// with tensors that do not change meanwhile. Repeating a save is harmless: with the same tensors it only rewrites the manifest.</summary>
    /// <param name="info">The description of the state; its step and lineage name the checkpoint.</param>
    /// <param name="state">The tensors, with unique names; the order is kept.</param>
    /// <param name="best">Whether to mark it as the best of the run, in place of the earlier best.</param>
    /// <param name="writers">The names of the workers that write a shared save, the caller first. The others call <see cref="WriteShare"/> at any
    /// time. With null or one name, the caller writes alone. The files are the same for any number of writers.</param>
    /// <param name="callOff">Stops waiting for the other writers; shares that are complete by then count.</param>
    /// <exception cref="SaveAbandonedException">Another writer failed or stopped writing, or the save was called off. Earlier checkpoints are
    /// untouched.</exception>
    /// <exception cref="SpikeformerException">The disk is full or failed (Failed), permission is missing (Usage), or the checkpoint exists with
    /// other tensors (Conflict). Earlier checkpoints are untouched, and no part of this one remains.</exception>
    /// <exception cref="ArgumentException">The description or the state could not be read back.</exception>
    public SaveResult Save(
        CheckpointInfo info, IReadOnlyList<StateTensor> state, bool best = false, IReadOnlyList<string>? writers = null, CancellationToken callOff = default) =>
        _saver.Save(info, state, best, writers, callOff);

    /// <summary>Writes and verifies the slices of one worker in a shared save, and reports them to the lead, which calls <see cref="Save"/>.
    /// Blocks until the disk has finished. It never changes a file of a checkpoint.</summary>
    /// <param name="info">The description of the state; the lead compares its step, generation and digests with its own.</param>
    /// <param name="state">The same tensors as the lead's.</param>
    /// <param name="writers">The same names as the lead's.</param>
    /// <param name="writer">The index of this worker in <paramref name="writers"/>.</param>
    /// <exception cref="SpikeformerException">The disk is full or failed (Failed), or permission is missing (Usage). The lead is told, if that is
    /// possible.</exception>
    /// <exception cref="ArgumentException">The description or the state could not be read back, or the generation has no nonce.</exception>
    public void WriteShare(CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<string> writers, int writer) =>
        _saver.WriteShare(info, state, writers, writer);

    /// <summary>Reads the newest valid checkpoint: the highest step of the current lineage of which every byte is right, or else of the lineages
    /// before it, up to the step where each was left.</summary>
    /// <param name="lineage">The current lineage; null is the highest that has a checkpoint.</param>
    /// <returns>The newest valid checkpoint or null, and the damaged checkpoints that were skipped.</returns>
    /// <exception cref="SpikeformerException">The storage cannot be listed, or does not answer.</exception>
    public NewestCheckpoint TryReadNewest(int? lineage = null)
    {
        var skipped = new List<SkippedCheckpoint>();
        foreach (CheckpointEntry entry in Retention.Succession(List(), lineage))
        {
            try
            {
                return new(_reader.Read(entry), skipped);
            }
            catch (SpikeformerException error) when (!StorageException.IsBehind(error))
            {
                skipped.Add(new(entry.Id, error.Message));
            }
        }
        return new(null, skipped);
    }

    /// <summary>Reads the newest valid checkpoint, as <see cref="TryReadNewest"/> does, and throws if no checkpoint is valid.</summary>
    /// <param name="lineage">The current lineage; null is the highest that has a checkpoint.</param>
    /// <exception cref="SpikeformerException">There is no checkpoint (NotFound), or all are damaged (CheckFailed, with each reason).</exception>
    public NewestCheckpoint ReadNewest(int? lineage = null)
    {
        NewestCheckpoint newest = TryReadNewest(lineage);
        if (newest.Checkpoint is not null) return newest;
        if (newest.Skipped.Count == 0)
            throw new SpikeformerException(ErrorKind.NotFound, $"There is no checkpoint in {Location}", "Check the path, or start a new run");
        string reasons = string.Concat(newest.Skipped.Select(skipped => $"\n  {skipped.Id}: {skipped.Reason}"));
        throw new SpikeformerException(ErrorKind.CheckFailed, $"No checkpoint in {Location} is valid:{reasons}\n",
            "Restore one from a copy, or start a new run");
    }

    /// <summary>Reads one checkpoint and verifies every byte of it.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null is the highest that has this step.</param>
    /// <exception cref="SpikeformerException">It does not exist (NotFound), is damaged (CheckFailed), or was written by another version (Conflict).</exception>
    public Checkpoint Read(long step, int? lineage = null) => _reader.Read(Find(step, lineage));

    /// <summary>Verifies every byte of one checkpoint without keeping its state in memory.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null is the highest that has this step.</param>
    /// <returns>All problems, each with its file; empty if the checkpoint is valid.</returns>
    /// <exception cref="SpikeformerException">It does not exist (NotFound).</exception>
    public IReadOnlyList<string> Verify(long step, int? lineage = null) => _reader.Verify(Find(step, lineage));

    /// <summary>Removes superseded checkpoints: all except the newest verified ones, the best, the pinned ones and those of other versions. The
    /// checkpoints to keep are verified first. If fewer than the wanted number are valid, nothing is removed.</summary>
    /// <param name="keep">The number of verified checkpoints to keep, at least 1; null for <see cref="CheckpointOptions.Keep"/>.</param>
    /// <returns>The removed checkpoints.</returns>
    /// <exception cref="SpikeformerException">Another process is writing (Conflict), or the storage fails.</exception>
    public IReadOnlyList<CheckpointId> Prune(int? keep = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep ?? 1, 1, nameof(keep));
        if (List().Count == 0) return [];
        return _lock.Run($"Cannot prune {Location}", () =>
        {
            _retention.RemovePartial();
            return _retention.RemoveSuperseded(keep ?? _options.Keep);
        });
    }

    /// <summary>Keeps a checkpoint until it is unpinned. Pinning it again has no effect.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null is the highest that has this step.</param>
    /// <exception cref="SpikeformerException">It does not exist (NotFound), or the storage fails.</exception>
    public void Pin(long step, int? lineage = null) => Change(step, lineage, _retention.Pin);

    /// <summary>Unpins a checkpoint: the next save removes it if it is superseded.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null is the highest that has this step.</param>
    /// <exception cref="SpikeformerException">It does not exist (NotFound), or the storage fails.</exception>
    public void Unpin(long step, int? lineage = null) => Change(step, lineage, _retention.Unpin);

    /// <summary>Marks a checkpoint as the best of the run, in place of the earlier best.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null is the highest that has this step.</param>
    /// <exception cref="SpikeformerException">It does not exist (NotFound), or the storage fails.</exception>
    public void MarkBest(long step, int? lineage = null) => Change(step, lineage, _retention.MarkBest);

    private CheckpointEntry Find(long step, int? lineage)
    {
        var entries = List();
        return entries.FirstOrDefault(entry => entry.Id.Step == step && (lineage is null || entry.Id.Lineage == lineage))
            ?? throw new SpikeformerException(ErrorKind.NotFound, $"There is no checkpoint of step {step} in {Location}",
                entries.Count == 0 ? "Check the path" : $"Choose one of {string.Join(", ", entries.Take(10).Select(entry => entry.Id))}");
    }

    private void Change(long step, int? lineage, Action<CheckpointId> change)
    {
        // Looked up before the lock as well, which creates the directory: a request for a missing checkpoint must leave no trace.
        Find(step, lineage);
        _lock.Run($"Cannot mark the checkpoint of step {step} in {Location}", () =>
        {
            change(Find(step, lineage).Id);
            return true;
        });
    }
}
