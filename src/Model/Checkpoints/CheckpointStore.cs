using Spikeformer.Diagnostics;
using Spikeformer.Files;

namespace Spikeformer.Checkpoints;

/// <summary>Settings of a <see cref="CheckpointStore"/>.</summary>
public sealed class CheckpointOptions
{
    /// <summary>How many verified checkpoints stay besides the best and the pinned ones. Two, so that damage to one loses little.</summary>
    public int Keep { get; init; } = 2;
    /// <summary>Wanted size of a slice in bytes.</summary>
    public long SliceBytes { get; init; } = SlicePlan.DefaultSliceBytes;
    /// <summary>How long the lead of a save by several workers waits for the next file of another one; two minutes, since NFS may show a file
    /// of another host only after one. Lost workers are not waited for: their save is called off.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);
}

/// <summary>
/// The checkpoints of one run. A save writes slices, verifies them by reading them back, and then writes the manifest, which alone makes
/// the checkpoint exist; so a kill at any point leaves either the whole checkpoint or none, and never touches an older one. The newest is
/// the one of the highest step of the current lineage; file times are never asked. Thread-safe; several processes may share a directory.
/// </summary>
public sealed class CheckpointStore
{
    private readonly ICheckpointFiles _files;
    private readonly CheckpointOptions _options;
    private readonly CheckpointReader _reader;
    private readonly SharedSaveFiles _shares;
    private readonly Lock _saving = new();
    // Manifests whose slices this process, or who wrote them with it, has read and found right. A rewritten manifest counts anew.
    private readonly Dictionary<CheckpointId, byte[]> _verified = [];

    /// <summary>Opens the checkpoints in a directory of the file system. Nothing is created or read yet.</summary>
    /// <param name="directory">The directory, <c>RUN/checkpoints</c>.</param>
    /// <param name="options">Settings; null takes the defaults.</param>
    public CheckpointStore(string directory, CheckpointOptions? options = null) : this(new LocalCheckpointFiles(directory), options)
    {
    }

    /// <summary>Opens the checkpoints in a storage. Nothing is created or read yet.</summary>
    /// <param name="files">The storage.</param>
    /// <param name="options">Settings; null takes the defaults.</param>
    public CheckpointStore(ICheckpointFiles files, CheckpointOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        _files = files;
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Keep, 1, nameof(options));
        _reader = new(files);
        _shares = new(files, _reader);
    }

    /// <summary>Where the checkpoints lie.</summary>
    public string Location => _files.Location;

    /// <summary>All checkpoints, highest lineage and step first, damaged ones with their problem. Reads manifests only.</summary>
    /// <exception cref="SpikeformerException">The storage cannot be listed.</exception>
    public IReadOnlyList<CheckpointEntry> List() => _reader.Scan();

    /// <summary>
    /// Saves a state and then removes what retention no longer keeps. Blocks for as long as the disk takes; call it on a background thread
    /// with tensors that do not change meanwhile. Repeating a save is harmless: with the same tensors it only rewrites the manifest.
    /// </summary>
    /// <param name="info">What is saved; step and lineage name the checkpoint.</param>
    /// <param name="state">The tensors, names unique; their order is kept.</param>
    /// <param name="best">Marks it as the best of the run, in place of an earlier one.</param>
    /// <param name="writers">Names of the workers that write it together, the caller first: the others call <see cref="WriteShare"/>, in any order
    /// in time. Null, or one name: the caller alone. The files are the same whoever writes them.</param>
    /// <param name="callOff">Ends the waiting for the other writers; what they have written by then counts.</param>
    /// <exception cref="SaveAbandonedException">Another writer failed, did not come on, or the save was called off. Earlier checkpoints are
    /// untouched.</exception>
    /// <exception cref="SpikeformerException">The disk is full or fails (Failed), no permission (Usage), or it exists with other tensors
    /// (Conflict). Earlier checkpoints are untouched and nothing of this one is left.</exception>
    /// <exception cref="ArgumentException">The information or the state could not be read back.</exception>
    public SaveResult Save(
        CheckpointInfo info, IReadOnlyList<StateTensor> state, bool best = false, IReadOnlyList<string>? writers = null, CancellationToken callOff = default)
    {
        IReadOnlyList<Slice> plan = Plan(info, state);
        var id = new CheckpointId(info.Step, info.Lineage);
        SharedSave? shared = writers is { Count: > 1 } ? Share(info, state, plan, writers) : null;
        return Locked($"The checkpoint of step {info.Step} was not saved in {Location}, earlier ones are untouched", () =>
        {
            RemovePartial();
            _shares.TryRemove(folder => folder != shared?.Folder);
            var slices = ExistingSlices(id, state) ?? Write(id, info, state, plan, shared, callOff);
            WriteManifest(id, new Manifest(Manifest.CurrentVersion, info, slices));
            return Finish(id, shared, best);
        });
    }

    /// <summary>Writes and verifies the slices of one worker in a save by several, and reports them to the lead, which calls <see cref="Save"/>.
    /// Blocks for as long as the disk takes, and changes nothing that belongs to a checkpoint.</summary>
    /// <param name="info">What is saved; step, generation and digests are compared with the lead's.</param>
    /// <param name="state">The tensors, as the lead has them.</param>
    /// <param name="writers">As the lead has it.</param>
    /// <param name="writer">This worker's place in it.</param>
    /// <exception cref="SpikeformerException">The disk is full or fails (Failed), or no permission (Usage); the lead is told where that is
    /// possible.</exception>
    /// <exception cref="ArgumentException">The information or the state could not be read back, or the generation has no nonce.</exception>
    public void WriteShare(CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<string> writers, int writer)
    {
        ArgumentNullException.ThrowIfNull(writers);
        SharedSave save = Share(info, state, Plan(info, state), writers);
        IReadOnlyList<Slice> own = save.SlicesOf(writer);
        if (own.Count == 0) return;
        FailPoints.Hit("share", info.Step);
        try
        {
            var written = WriteSlices(save.Folder, info, state, own);
            _shares.Report(save, writer, new(Manifest.CurrentVersion, info, written));
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            SpikeformerException failure = StorageErrors.Explain(error, $"The slices of {writers[writer]} of step {info.Step} were not written in {Location}");
            _shares.TryComplain(save, writer, failure.What);
            throw failure;
        }
    }

    /// <summary>The newest valid checkpoint: of the highest step of the current lineage whose every byte is right, then of lineages before
    /// it up to the step where they were left.</summary>
    /// <param name="lineage">The current lineage; null takes the highest that has a checkpoint.</param>
    /// <returns>The checkpoint, or null when there is none, and the broken ones that were passed over.</returns>
    /// <exception cref="SpikeformerException">The storage cannot be listed, or does not answer as a whole.</exception>
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

    /// <summary>As <see cref="TryReadNewest"/>, but there must be one.</summary>
    /// <param name="lineage">The current lineage; null takes the highest that has a checkpoint.</param>
    /// <exception cref="SpikeformerException">There is none (NotFound), or all are broken (CheckFailed, with each reason).</exception>
    public NewestCheckpoint ReadNewest(int? lineage = null)
    {
        NewestCheckpoint newest = TryReadNewest(lineage);
        if (newest.Checkpoint is not null) return newest;
        if (newest.Skipped.Count == 0)
            throw new SpikeformerException(ErrorKind.NotFound, $"There is no checkpoint in {Location}", "Check the path or train anew");
        string reasons = string.Concat(newest.Skipped.Select(skipped => $"\n  {skipped.Id}: {skipped.Reason}"));
        throw new SpikeformerException(ErrorKind.CheckFailed, $"No checkpoint in {Location} is sound:{reasons}\n",
            "Restore one from a copy or train anew");
    }

    /// <summary>Reads one checkpoint and verifies every byte of it.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null takes the highest that has this step.</param>
    /// <exception cref="SpikeformerException">It does not exist (NotFound), is damaged (CheckFailed), or of another version
    /// (Conflict).</exception>
    public Checkpoint Read(long step, int? lineage = null) => _reader.Read(Find(step, lineage));

    /// <summary>Reads every byte of one checkpoint without keeping it.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null takes the highest that has this step.</param>
    /// <returns>Everything that is wrong, each with its file; empty when it is sound.</returns>
    /// <exception cref="SpikeformerException">It does not exist (NotFound).</exception>
    public IReadOnlyList<string> Verify(long step, int? lineage = null) => _reader.Verify(Find(step, lineage));

    /// <summary>Removes superseded checkpoints: all but the newest verified ones, the best, the pinned and those of other versions. What
    /// stays is verified first; if fewer than the wanted number are sound, nothing goes.</summary>
    /// <param name="keep">How many verified ones stay, at least 1; null takes the option.</param>
    /// <returns>What was removed.</returns>
    /// <exception cref="SpikeformerException">Another process writes (Conflict), or the storage fails.</exception>
    public IReadOnlyList<CheckpointId> Prune(int? keep = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep ?? 1, 1, nameof(keep));
        if (List().Count == 0) return [];
        return Locked($"Cannot prune {Location}", () =>
        {
            RemovePartial();
            return RemoveSuperseded(keep ?? _options.Keep);
        });
    }

    /// <summary>Keeps a checkpoint until it is unpinned.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null takes the highest that has this step.</param>
    /// <exception cref="SpikeformerException">It does not exist (NotFound), or the storage fails.</exception>
    public void Pin(long step, int? lineage = null) => Change(step, lineage, id => Mark(id, CheckpointReader.PinMark));

    /// <summary>Leaves a checkpoint to retention again; it goes at the next save if it is superseded.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null takes the highest that has this step.</param>
    /// <exception cref="SpikeformerException">It does not exist (NotFound), or the storage fails.</exception>
    public void Unpin(long step, int? lineage = null) => Change(step, lineage, id => Unmark(id, CheckpointReader.PinMark));

    /// <summary>Marks a checkpoint as the best of the run, in place of an earlier one.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="lineage">Its lineage; null takes the highest that has this step.</param>
    /// <exception cref="SpikeformerException">It does not exist (NotFound), or the storage fails.</exception>
    public void MarkBest(long step, int? lineage = null) => Change(step, lineage, MarkBest);

    private CheckpointEntry Find(long step, int? lineage)
    {
        var entries = List();
        return entries.FirstOrDefault(entry => entry.Id.Step == step && (lineage is null || entry.Id.Lineage == lineage))
            ?? throw new SpikeformerException(ErrorKind.NotFound, $"There is no checkpoint of step {step} in {Location}",
                entries.Count == 0 ? "Check the path" : $"Choose one of {string.Join(", ", entries.Take(10).Select(entry => entry.Id))}");
    }

    // The same step saved again, after a resume or with new metrics: its slices stay where they are.
    private IReadOnlyList<ManifestSlice>? ExistingSlices(CheckpointId id, IReadOnlyList<StateTensor> state)
    {
        if (_reader.Load(id) is not { } existing) return null;
        if (existing.IsForeign) throw existing.Problem!;
        if (_reader.Verify(existing).Count > 0)
        {
            Remove(id);
            return null;
        }
        var (slices, byName) = (existing.Manifest!.Slices, state.ToDictionary(tensor => tensor.Name));
        bool same = slices.Sum(slice => slice.Tensors.Count) == state.Count && slices.All(slice => slice.Tensors.All(byName.ContainsKey)
            && WriteSlice(Stream.Null, existing.Info!, [.. slice.Tensors.Select(name => byName[name])]) == (slice.Bytes, slice.Sha256));
        return same ? slices : throw new SpikeformerException(ErrorKind.Conflict,
            $"{Location}/{id} exists with other tensors: the run did not repeat its own bits",
            "Start a new lineage, or remove the checkpoint if it is not wanted");
    }

    private IReadOnlyList<Slice> Plan(CheckpointInfo info, IReadOnlyList<StateTensor> state)
    {
        ArgumentNullException.ThrowIfNull(info);
        if (info.Problem() is { } problem) throw new ArgumentException($"{problem}.", nameof(info));
        StateTensor.Validate(state);
        return SlicePlan.Create([.. state.Select(tensor => tensor.Spec)], _options.SliceBytes);
    }

    private static SharedSave Share(CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<Slice> plan, IReadOnlyList<string> writers) =>
        info.Generation.Nonce is ""
            ? throw new ArgumentException("A save by several workers needs a generation with a nonce.", nameof(info))
            : new(info, [.. state.Select(tensor => tensor.Spec)], plan, writers);

    private IReadOnlyList<ManifestSlice> Write(CheckpointId id, CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<Slice> plan,
        SharedSave? shared, CancellationToken callOff)
    {
        try
        {
            if (shared is null) return WriteSlices(id.Folder, info, state, plan);
            shared.Written(0, WriteSlices(shared.Folder, info, state, shared.SlicesOf(0)));
            _shares.AwaitReports(shared, _options.Patience, callOff);
            FailPoints.Hit("gathered", info.Step);
            foreach (ManifestSlice slice in shared.Slices) _files.Move(shared.Folder, slice.File, id.Folder);
            return shared.Slices;
        }
        catch (Exception error)
        {
            TryRemovePartial(id);
            // When it was called off, others may be at work there still; the next save follows soon, and tidies up.
            if (error is not SaveAbandonedException { IsCalledOff: true }) _shares.TryRemove(folder => folder == shared?.Folder);
            throw;
        }
    }

    private List<ManifestSlice> WriteSlices(string folder, CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<Slice> slices)
    {
        CheckSpace(slices);
        var written = new List<ManifestSlice>();
        foreach (Slice slice in slices)
        {
            FailPoints.Hit("slice", info.Step);
            written.Add(WriteSlice(folder, slice.File, info, [.. slice.Tensors.Select(index => state[index])]));
        }
        return written;
    }

    // Only saves a long write that must fail; the space may still run out on the way.
    private void CheckSpace(IReadOnlyList<Slice> slices)
    {
        const long HeaderAllowance = 64 << 10;
        long needed = slices.Sum(slice => slice.Bytes + HeaderAllowance);
        if (_files.AvailableBytes() is { } available && available < needed)
            throw new IOException($"{needed >> 10} KiB are needed, {available >> 10} KiB are free", Posix.ENOSPC);
    }

    private ManifestSlice WriteSlice(string folder, string file, CheckpointInfo info, IReadOnlyList<StateTensor> tensors)
    {
        (long bytes, string hash) = (0, "");
        _files.Write(folder, file, stream => (bytes, hash) = WriteSlice(stream, info, tensors));
        var slice = new ManifestSlice(file, bytes, hash, [.. tensors.Select(tensor => tensor.Name)]);
        return _reader.SliceProblem(folder, slice) is { } problem
            ? throw new IOException($"what was written reads back differently: {problem}")
            : slice;
    }

    private static (long Bytes, string Hash) WriteSlice(Stream stream, CheckpointInfo info, IReadOnlyList<StateTensor> tensors)
    {
        using var hashing = new HashingStream(stream);
        SafetensorsWriter.Write(hashing, tensors, CheckpointExport.Metadata(info));
        return (hashing.Position, hashing.Hash);
    }

    private void WriteManifest(CheckpointId id, Manifest manifest)
    {
        bool replaces = _reader.Load(id) is not null;
        byte[] bytes = manifest.ToBytes();
        try
        {
            _files.Write(id.Folder, Manifest.FileName, stream => stream.Write(bytes));
            if (_reader.Load(id) is not { Manifest: { } read } || !read.ToBytes().AsSpan().SequenceEqual(bytes))
                throw new IOException("the manifest reads back differently");
        }
        catch
        {
            if (!replaces) TryRemovePartial(id);
            throw;
        }
        _verified[id] = bytes;
    }

    // The checkpoint is safe by now, so trouble from here on is a warning.
    private SaveResult Finish(CheckpointId id, SharedSave? shared, bool best)
    {
        IReadOnlyList<CheckpointId> removed = [];
        var warnings = new List<string>();
        _shares.TryRemove(folder => folder == shared?.Folder);
        try
        {
            if (best) MarkBest(id);
            removed = RemoveSuperseded(_options.Keep);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error) || error is SpikeformerException)
        {
            warnings.Add($"Checkpoint {id} was saved, but older ones could not be tidied up: {error.Message}");
        }
        return new(_reader.Load(id)!, shared?.Writers ?? [], removed, warnings);
    }

    private List<CheckpointId> RemoveSuperseded(int keep)
    {
        var entries = List();
        var succession = Retention.Succession(entries);
        var kept = succession.Where(IsSound).Take(keep).ToList();
        var superseded = Retention.Superseded(entries, succession, kept, keep).Select(entry => entry.Id).ToList();
        superseded.ForEach(Remove);
        return superseded;
    }

    // Hashed once by this process; after that it is enough that the files are still there.
    private bool IsSound(CheckpointEntry entry)
    {
        if (entry.Manifest?.ToBytes() is not { } bytes) return false;
        if (_verified.TryGetValue(entry.Id, out byte[]? seen) && seen.AsSpan().SequenceEqual(bytes))
            return entry.Manifest.Slices.Select(slice => slice.File).Except(_files.Files(entry.Id.Folder)).Any() is false;
        if (_reader.Verify(entry).Count > 0) return false;
        _verified[entry.Id] = bytes;
        return true;
    }

    private void MarkBest(CheckpointId id)
    {
        Mark(id, CheckpointReader.BestMark);
        foreach (CheckpointEntry other in List())
            if (other.IsBest && other.Id != id) Unmark(other.Id, CheckpointReader.BestMark);
    }

    private void Mark(CheckpointId id, string mark) => _files.Write(id.Folder, mark, _ => { });

    private void Unmark(CheckpointId id, string mark) => _files.Delete(id.Folder, mark);

    // The manifest goes first: from then on there is no checkpoint, so a kill in between leaves a partial one, not a broken one.
    private void Remove(CheckpointId id)
    {
        _verified.Remove(id);
        _files.Delete(id.Folder, Manifest.FileName);
        _files.DeleteFolder(id.Folder);
    }

    private void RemovePartial()
    {
        foreach (CheckpointId id in _reader.Folders().ToList())
            if (_files.Files(id.Folder).Contains(Manifest.FileName)) _files.DeleteLeftovers(id.Folder);
            else _files.DeleteFolder(id.Folder);
    }

    // The manifest goes first, should it be there. The error that stopped the save matters more than one of the clean-up.
    private void TryRemovePartial(CheckpointId id)
    {
        try
        {
            Remove(id);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
        }
    }

    private void Change(long step, int? lineage, Action<CheckpointId> change)
    {
        // Looked up before the lock makes the directory, too: asking for what is not there must leave no trace.
        Find(step, lineage);
        Locked($"Cannot mark the checkpoint of step {step} in {Location}", () =>
        {
            change(Find(step, lineage).Id);
            return true;
        });
    }

    private T Locked<T>(string failure, Func<T> action)
    {
        lock (_saving)
        {
            try
            {
                using IDisposable only = _files.Lock();
                return action();
            }
            catch (Exception error) when (StorageErrors.IsStorage(error))
            {
                throw StorageErrors.Explain(error, failure);
            }
        }
    }
}
