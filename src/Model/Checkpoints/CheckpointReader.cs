namespace Spikeformer.Checkpoints;

/// <summary>Finds, reads and verifies checkpoints. It only reads files and takes no lock.</summary>
internal sealed class CheckpointReader(ICheckpointFiles files)
{
    internal const string BestMark = "best", PinMark = "pinned";

    /// <summary>Returns all checkpoints, highest lineage and step first. A folder without a manifest is not a checkpoint.</summary>
    /// <exception cref="SpikeformerException">The storage cannot be listed.</exception>
    public IReadOnlyList<CheckpointEntry> Scan()
    {
        try
        {
            return [.. Folders().OrderByDescending(id => (id.Lineage, id.Step)).Select(Load).OfType<CheckpointEntry>()];
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot list the checkpoints in {files.Location}");
        }
    }

    /// <summary>Returns all folders with the name of a checkpoint.</summary>
    public IEnumerable<CheckpointId> Folders()
    {
        foreach (string folder in files.Folders())
            if (CheckpointId.TryParse(folder, out CheckpointId id)) yield return id;
    }

    /// <summary>Returns one checkpoint; null if it does not exist.</summary>
    public CheckpointEntry? Load(CheckpointId id)
    {
        var names = files.Files(id.Folder);
        if (!names.Contains(Manifest.FileName)) return null;
        (bool best, bool pinned) = (names.Contains(BestMark), names.Contains(PinMark));
        try
        {
            return new(id, ReadManifest(id), null, best, pinned);
        }
        catch (SpikeformerException error)
        {
            return new(id, null, error, best, pinned);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (StorageErrors.IsStorage(error) && !StorageException.IsBehind(error))
        {
            return new(id, null, StorageErrors.Explain(error, $"Cannot read {Name(id.Folder, Manifest.FileName)}"), best, pinned);
        }
    }

    /// <summary>Reads the state of a checkpoint and verifies every byte of it.</summary>
    /// <exception cref="SpikeformerException">The checkpoint is damaged or cannot be read.</exception>
    public Checkpoint Read(CheckpointEntry entry)
    {
        if (entry.Problem is { } problem) throw problem;
        var byName = new Dictionary<string, StateTensor>(StringComparer.Ordinal);
        foreach (ManifestSlice slice in entry.Manifest!.Slices)
            foreach (StateTensor tensor in ReadSlice(entry.Id.Folder, slice))
                byName.Add(tensor.Name, tensor);
        return new(entry.Id, entry.Info!, [.. entry.Manifest.Slices.SelectMany(slice => slice.Tensors).Select(name => byName[name])]);
    }

    /// <summary>Returns all problems of a checkpoint; empty if it is valid.</summary>
    public IReadOnlyList<string> Verify(CheckpointEntry entry) => entry.Problem is { } problem
        ? [problem.Message]
        : [.. entry.Manifest!.Slices.Select(slice => SliceProblem(entry.Id.Folder, slice)).OfType<string>()];

    /// <summary>Reads a slice from start to end and compares it with its entry in the manifest.</summary>
    /// <returns>The problem; null on success.</returns>
    /// <exception cref="SpikeformerException">The storage does not answer, or refuses access.</exception>
    public string? SliceProblem(string folder, ManifestSlice slice)
    {
        try
        {
            using HashingStream stream = Open(folder, slice);
            Check(folder, slice, stream);
            return null;
        }
        catch (SpikeformerException error) when (!StorageException.IsBehind(error))
        {
            return error.Message;
        }
    }

    /// <summary>Reads a file in the format of a manifest.</summary>
    /// <exception cref="SpikeformerException">The file is damaged, or written by another version.</exception>
    public Manifest ReadManifest(string folder, string file)
    {
        string name = Name(folder, file);
        using Stream stream = files.OpenRead(folder, file);
        if (stream.Length > Manifest.MaxBytes)
            throw new SpikeformerException(ErrorKind.CheckFailed,
                $"{name} has {stream.Length} bytes, at most {Manifest.MaxBytes} are allowed", "Use another checkpoint");
        var bytes = new byte[stream.Length];
        int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return Manifest.Parse(bytes.AsSpan(0, read), name);
    }

    private List<StateTensor> ReadSlice(string folder, ManifestSlice slice)
    {
        using HashingStream stream = Open(folder, slice);
        try
        {
            var content = SafetensorsReader.Read(stream, Name(folder, slice.File));
            Check(folder, slice, stream);
            if (!content.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal).SetEquals(slice.Tensors))
                throw Damaged(folder, slice, "its tensors are not those in the manifest");
            return [.. content.Tensors];
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot read {Name(folder, slice.File)}");
        }
    }

    private HashingStream Open(string folder, ManifestSlice slice)
    {
        try
        {
            var stream = new HashingStream(files.OpenRead(folder, slice.File));
            if (stream.Length == slice.Bytes) return stream;
            using (stream) throw Damaged(folder, slice, $"it has {stream.Length} bytes instead of {slice.Bytes}");
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot read {Name(folder, slice.File)}");
        }
    }

    private void Check(string folder, ManifestSlice slice, HashingStream stream)
    {
        try
        {
            stream.Drain();
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot read {Name(folder, slice.File)} from byte {stream.Position} on");
        }
        if (stream.Hash != slice.Sha256) throw Damaged(folder, slice, $"its SHA-256 is {stream.Hash} instead of {slice.Sha256}");
    }

    private Manifest ReadManifest(CheckpointId id)
    {
        Manifest manifest = ReadManifest(id.Folder, Manifest.FileName);
        var said = new CheckpointId(manifest.Checkpoint.Step, manifest.Checkpoint.Lineage);
        return said == id
            ? manifest
            : throw new SpikeformerException(ErrorKind.CheckFailed, $"{Name(id.Folder, Manifest.FileName)} belongs to {said}",
                "Restore the folder's own manifest, or use another checkpoint");
    }

    private string Name(string folder, string file) => $"{files.Location}/{folder}/{file}";

    private SpikeformerException Damaged(string folder, ManifestSlice slice, string problem) =>
        new(ErrorKind.CheckFailed, $"{Name(folder, slice.File)} is damaged: {problem}", "Use another checkpoint");
}
