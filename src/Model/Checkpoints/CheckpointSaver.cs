using Spikeformer.Diagnostics;

namespace Spikeformer.Checkpoints;

/// <summary>Saves checkpoints for <see cref="CheckpointStore"/>: slices first, alone or shared with other workers, then the manifest.</summary>
internal sealed class CheckpointSaver(
    ICheckpointFiles files, CheckpointReader reader, RetentionFiles retention, WriteLock writeLock, CheckpointOptions options)
{
    private readonly SliceWriter _slices = new(files, reader);
    private readonly SharedSaveFiles _shares = new(files, reader);

    /// <summary>See <see cref="CheckpointStore.Save"/>.</summary>
    public SaveResult Save(
        CheckpointInfo info, IReadOnlyList<StateTensor> state, bool best, IReadOnlyList<string>? writers, CancellationToken callOff)
    {
        IReadOnlyList<Slice> plan = Plan(info, state);
        var id = new CheckpointId(info.Step, info.Lineage);
        SharedSave? shared = writers is { Count: > 1 } ? Share(info, state, plan, writers) : null;
        return writeLock.Run($"The checkpoint of step {info.Step} was not saved in {files.Location} (earlier ones are untouched)", () =>
        {
            retention.RemovePartial();
            _shares.TryRemove(folder => folder != shared?.Folder);
            var slices = ExistingSlices(id, state) ?? WriteSlices(id, info, state, plan, shared, callOff);
            WriteManifest(id, new Manifest(Manifest.CurrentVersion, info, slices));
            return Finish(id, shared, best);
        });
    }

    /// <summary>See <see cref="CheckpointStore.WriteShare"/>.</summary>
    public void WriteShare(CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<string> writers, int writer)
    {
        ArgumentNullException.ThrowIfNull(writers);
        SharedSave save = Share(info, state, Plan(info, state), writers);
        IReadOnlyList<Slice> own = save.SlicesOf(writer);
        if (own.Count == 0) return;
        FailPoints.Hit("share", info.Step);
        try
        {
            var written = _slices.Write(save.Folder, info, state, own);
            _shares.Report(save, writer, new(Manifest.CurrentVersion, info, written));
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            SpikeformerException failure = StorageErrors.Explain(error, $"The slices of {writers[writer]} of step {info.Step} were not written in {files.Location}");
            _shares.TryReportFailure(save, writer, failure.What);
            throw failure;
        }
    }

    private IReadOnlyList<Slice> Plan(CheckpointInfo info, IReadOnlyList<StateTensor> state)
    {
        ArgumentNullException.ThrowIfNull(info);
        if (info.Problem() is { } problem) throw new ArgumentException($"{problem}.", nameof(info));
        StateTensor.Validate(state);
        return SlicePlan.Create([.. state.Select(tensor => tensor.Spec)], options.SliceBytes);
    }

    private static SharedSave Share(CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<Slice> plan, IReadOnlyList<string> writers) =>
        info.Generation.Nonce is ""
            ? throw new ArgumentException("A shared save needs a generation with a nonce.", nameof(info))
            : new(info, [.. state.Select(tensor => tensor.Spec)], plan, writers);

    // A step that is saved again, after a resume or with new metrics, keeps its slices.
    private IReadOnlyList<ManifestSlice>? ExistingSlices(CheckpointId id, IReadOnlyList<StateTensor> state)
    {
        if (reader.Load(id) is not { } existing) return null;
        if (existing.IsForeign) throw existing.Problem!;
        if (reader.Verify(existing).Count > 0)
        {
            retention.Remove(id);
            return null;
        }
        return SliceWriter.Hold(existing.Manifest!.Slices, existing.Info!, state)
            ? existing.Manifest.Slices
            : throw new SpikeformerException(ErrorKind.Conflict,
                $"{files.Location}/{id} exists with other tensors: the run did not reproduce its own bits",
                "Start a new lineage, or remove the checkpoint if it is not needed");
    }

    private IReadOnlyList<ManifestSlice> WriteSlices(CheckpointId id, CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<Slice> plan,
        SharedSave? shared, CancellationToken callOff)
    {
        try
        {
            if (shared is null) return _slices.Write(id.Folder, info, state, plan);
            shared.AddSlices(0, _slices.Write(shared.Folder, info, state, shared.SlicesOf(0)));
            _shares.AwaitReports(shared, options.Patience, callOff);
            FailPoints.Hit("gathered", info.Step);
            foreach (ManifestSlice slice in shared.Slices) files.Move(shared.Folder, slice.File, id.Folder);
            return shared.Slices;
        }
        catch (Exception error)
        {
            retention.TryRemove(id);
            // If the save was called off, other workers may still be writing there. The next save follows soon and removes the folder.
            if (error is not SaveAbandonedException { IsCalledOff: true }) _shares.TryRemove(folder => folder == shared?.Folder);
            throw;
        }
    }

    private void WriteManifest(CheckpointId id, Manifest manifest)
    {
        bool replaces = reader.Load(id) is not null;
        byte[] bytes = manifest.ToBytes();
        try
        {
            files.Write(id.Folder, Manifest.FileName, stream => stream.Write(bytes));
            if (reader.Load(id) is not { Manifest: { } read } || !read.ToBytes().AsSpan().SequenceEqual(bytes))
                throw new IOException("the manifest differs when read back");
        }
        catch
        {
            if (!replaces) retention.TryRemove(id);
            throw;
        }
        retention.NoteVerified(id, bytes);
    }

    // The checkpoint is safe now, so later problems are only warnings.
    private SaveResult Finish(CheckpointId id, SharedSave? shared, bool best)
    {
        IReadOnlyList<CheckpointId> removed = [];
        var warnings = new List<string>();
        _shares.TryRemove(folder => folder == shared?.Folder);
        try
        {
            if (best) retention.MarkBest(id);
            removed = retention.RemoveSuperseded(options.Keep);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error) || error is SpikeformerException)
        {
            warnings.Add($"Checkpoint {id} was saved, but removing older ones failed: {error.Message}");
        }
        return new(reader.Load(id)!, shared?.Writers ?? [], removed, warnings);
    }
}
