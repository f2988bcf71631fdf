using System.IO.Hashing;
using System.IO.MemoryMappedFiles;
using System.Numerics;

namespace Spikeformer.Data.Frames;

/// <summary>
/// The frames of a complete data set in one file, mapped read-only and shared by all processes of a machine. Each sample has a label, a checksum and
/// its values, stored as uint8, uint16 or float32, whichever is the smallest that holds them exactly. The file is self-contained.
/// </summary>
/// <remarks><see cref="FrameStoreLayout"/> defines the format, <see cref="FrameStoreWriter"/> writes it. Opening a store verifies every byte.
/// Safe for concurrent readers.</remarks>
public sealed unsafe class FrameStore : IDataset
{
    /// <summary>File name extension of frame stores.</summary>
    public const string Extension = ".frames";

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly FrameStoreLayout _layout;
    private readonly FrameStoreEntry[] _entries;

    private FrameStore(MemoryMappedFile map, MemoryMappedViewAccessor view, byte* start, FrameStoreLayout layout, FrameStoreEntry[] entries)
    {
        (_map, _view, _layout, _entries) = (map, view, layout, entries);
        _start = start;
    }

    /// <inheritdoc/>
    public string Name => _layout.Description.Name;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => _layout.Description.ClassNames;

    /// <inheritdoc/>
    public SampleShape Shape => _layout.Shape;

    /// <inheritdoc/>
    public string ContentHash => _layout.ContentHash;

    /// <summary>How the frames were cut; see <see cref="IFrameDataset.FrameKey"/>.</summary>
    public string FrameKey => _layout.Description.FrameKey;

    /// <summary>Opens a store.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="SpikeformerException">The file is missing, incomplete or damaged. The message names the byte or the sample.</exception>
    public static FrameStore Open(string path)
    {
        try
        {
            return Open(path, out string? problem) ?? throw new SpikeformerException(ErrorKind.CheckFailed, $"{path}: {problem}",
                "Prepare the data again");
        }
        catch (Exception e) when (StorageErrors.IsStorage(e))
        {
            throw StorageErrors.Explain(e, $"Cannot read {path}");
        }
    }

    /// <summary>Opens the store of a data set. Returns null if the file is missing or damaged, or belongs to another data set or version.</summary>
    internal static FrameStore? TryOpen(string path, IFrameDataset dataset)
    {
        if (!File.Exists(path)) return null;
        FrameStore? store = Open(path, out _);
        if (store is null || store._layout.IsOf(dataset)) return store;
        store.Dispose();
        return null;
    }

    /// <inheritdoc/>
    public int Count(Split split) => split == Split.Train ? _layout.Train : _layout.Test;

    /// <inheritdoc/>
    public int Label(Split split, int index) => _entries[Sample(split, index)].Label;

    /// <inheritdoc/>
    public void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(frames_TCHW.Length, Shape.Elements, nameof(frames_TCHW));
        FrameStoreEntry entry = _entries[Sample(split, index)];
        byte* record = _start + entry.Offset;
        switch (entry.ValueBytes)
        {
            case 1: Widen(new ReadOnlySpan<byte>(record, frames_TCHW.Length), frames_TCHW); break;
            case 2: Widen(new ReadOnlySpan<ushort>(record, frames_TCHW.Length), frames_TCHW); break;
            default: new ReadOnlySpan<float>(record, frames_TCHW.Length).CopyTo(frames_TCHW); break;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Close(_map, _view);

    private int Sample(Split split, int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count(split), nameof(index));
        return split == Split.Train ? index : _layout.Train + index;
    }

    private static FrameStore? Open(string path, out string? problem)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        long length = file.Length;
        problem = $"{length} bytes are too few for a frame store";
        if (length < FrameStoreLayout.HeaderBytes) return null;
        MemoryMappedFile map = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        MemoryMappedViewAccessor view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        if (Check(start, length, out problem) is (var layout, var entries)) return new(map, view, start, layout, entries);
        Close(map, view);
        return null;
    }

    private static (FrameStoreLayout Layout, FrameStoreEntry[] Entries)? Check(byte* start, long length, out string? problem)
    {
        if (FrameStoreLayout.TryRead(start, length, out problem) is not { } layout) return null;
        var entries = new FrameStoreEntry[layout.Samples];
        for (int sample = 0; sample < entries.Length; sample++)
        {
            entries[sample] = FrameStoreEntry.Read(new(start + layout.EntryOffset(sample), FrameStoreEntry.Bytes));
            problem = $"sample {sample} (from byte {entries[sample].Offset}) is damaged";
            if (!layout.Fits(entries[sample], length)) return null;
            var record = new ReadOnlySpan<byte>(start + entries[sample].Offset, layout.RecordBytes(entries[sample].ValueBytes));
            if (XxHash64.HashToUInt64(record) != entries[sample].Checksum) return null;
        }
        problem = null;
        return (layout, entries);
    }

    private static void Close(MemoryMappedFile map, MemoryMappedViewAccessor view)
    {
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        map.Dispose();
    }

    private static void Widen<T>(ReadOnlySpan<T> source, Span<float> target) where T : unmanaged, INumberBase<T>
    {
        for (int i = 0; i < source.Length; i++) target[i] = float.CreateTruncating(source[i]);
    }
}
