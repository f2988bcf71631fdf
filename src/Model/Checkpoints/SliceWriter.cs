using Spikeformer.Diagnostics;

namespace Spikeformer.Checkpoints;

/// <summary>Writes slices and verifies them by reading them back.</summary>
/// <remarks>Methods throw the exceptions of <see cref="ICheckpointFiles"/>.</remarks>
internal sealed class SliceWriter(ICheckpointFiles files, CheckpointReader reader)
{
    /// <summary>Writes and verifies slices.</summary>
    /// <param name="folder">The folder to write to.</param>
    /// <param name="info">The description of the state.</param>
    /// <param name="state">All tensors of the state.</param>
    /// <param name="slices">The slices to write.</param>
    /// <returns>The slices as the manifest lists them.</returns>
    public IReadOnlyList<ManifestSlice> Write(string folder, CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<Slice> slices)
    {
        CheckSpace(slices);
        var written = new List<ManifestSlice>();
        foreach (Slice slice in slices)
        {
            FailPoints.Hit("slice", info.Step);
            written.Add(Write(folder, slice.File, info, [.. slice.Tensors.Select(index => state[index])]));
        }
        return written;
    }

    /// <summary>Returns whether slices that were written earlier hold exactly the tensors of a state.</summary>
    public static bool Hold(IReadOnlyList<ManifestSlice> slices, CheckpointInfo info, IReadOnlyList<StateTensor> state)
    {
        var byName = state.ToDictionary(tensor => tensor.Name);
        return slices.Sum(slice => slice.Tensors.Count) == state.Count && slices.All(slice => slice.Tensors.All(byName.ContainsKey)
            && Write(Stream.Null, info, [.. slice.Tensors.Select(name => byName[name])]) == (slice.Bytes, slice.Sha256));
    }

    // Only avoids a long write that must fail. Space may still run out during the write.
    private void CheckSpace(IReadOnlyList<Slice> slices)
    {
        const long HeaderAllowance = 64 << 10;
        long needed = slices.Sum(slice => slice.Bytes + HeaderAllowance);
        if (files.AvailableBytes() is { } available && available < needed)
            throw new IOException($"{needed >> 10} KiB are needed, {available >> 10} KiB are free", Posix.ENOSPC);
    }

    private ManifestSlice Write(string folder, string file, CheckpointInfo info, IReadOnlyList<StateTensor> tensors)
    {
        (long bytes, string hash) = (0, "");
        files.Write(folder, file, stream => (bytes, hash) = Write(stream, info, tensors));
        var slice = new ManifestSlice(file, bytes, hash, [.. tensors.Select(tensor => tensor.Name)]);
        return reader.SliceProblem(folder, slice) is { } problem
            ? throw new IOException($"a slice differs when read back: {problem}")
            : slice;
    }

    private static (long Bytes, string Hash) Write(Stream stream, CheckpointInfo info, IReadOnlyList<StateTensor> tensors)
    {
        using var hashing = new HashingStream(stream);
        SafetensorsWriter.Write(hashing, tensors, CheckpointExport.Metadata(info));
        return (hashing.Position, hashing.Hash);
    }
}
