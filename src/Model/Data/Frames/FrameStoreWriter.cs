using System.IO.Hashing;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Spikeformer.Data.Frames;

/// <summary>Writes the frames of a data set to a file, several samples in parallel. If an earlier call was interrupted, at any moment, this one
/// continues its file and keeps all samples whose checksums are right.</summary>
/// <remarks>Uses two buffers of one sample per thread. With several threads the order of the samples in the file depends on timing, but the
/// samples that a reader gets do not.</remarks>
internal sealed class FrameStoreWriter
{
    private readonly SafeFileHandle _file;
    private readonly IFrameDataset _dataset;
    private readonly FrameStoreLayout _layout;
    private readonly byte[] _entries;
    private readonly object _gate = new();
    private long _end;
    private int _done;

    private FrameStoreWriter(SafeFileHandle file, IFrameDataset dataset)
    {
        (_file, _dataset, _layout) = (file, dataset, FrameStoreLayout.Of(dataset));
        _entries = new byte[_layout.Samples * FrameStoreEntry.Bytes];
        _end = _layout.RecordsOffset;
    }

    /// <summary>Writes all missing samples, then the checksum that completes the store.</summary>
    /// <param name="file">The file, empty or unfinished. Any other content is overwritten.</param>
    /// <param name="dataset">The source of the frames.</param>
    /// <param name="threads">Number of samples to read in parallel.</param>
    /// <param name="progress">Receives the number of completed samples, one call at a time. May be null.</param>
    /// <param name="cancellation">Stops between samples. A later call can continue the file.</param>
    /// <exception cref="SpikeformerException">A recording is damaged.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(SafeFileHandle file, IFrameDataset dataset, int threads = 1, Action<int>? progress = null,
        CancellationToken cancellation = default) => new FrameStoreWriter(file, dataset).Write(threads, progress, cancellation);

    private void Write(int threads, Action<int>? progress, CancellationToken cancellation)
    {
        byte[] head = _layout.Head(checksum: 0);
        if (IsUnfinished(head)) KeepIntact();
        else
        {
            RandomAccess.SetLength(_file, 0);
            RandomAccess.Write(_file, head, 0);
            RandomAccess.Write(_file, _entries, _layout.EntryOffset(0));
        }
        progress?.Invoke(_done);
        int[] missing = [.. Enumerable.Range(0, _layout.Samples).Where(sample => Entry(sample).Offset == 0)];
        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
            Parallel.ForEach(missing, options, () => new Buffers(_layout.Shape.Elements), (sample, _, buffers) =>
            {
                Write(sample, buffers, progress);
                return buffers;
            }, _ => { });
        }
        catch (AggregateException failures)
        {
            // The first error explains the failure; the others have the same cause or follow from it.
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
        RandomAccess.SetLength(_file, _end);
        RandomAccess.Write(_file, _layout.Head(_layout.Checksum(_entries)), 0);
    }

    private void Write(int sample, Buffers buffers, Action<int>? progress)
    {
        (Split split, int index) = sample < _layout.Train ? (Split.Train, sample) : (Split.Test, sample - _layout.Train);
        _dataset.Read(split, index, null, buffers.Frames);
        (int valueBytes, Memory<byte> record) = Narrow(buffers);
        ulong checksum = XxHash64.HashToUInt64(record.Span);
        long offset;
        lock (_gate)
        {
            offset = _end;
            _end += record.Length;
        }
        var entry = new FrameStoreEntry(offset, checksum, valueBytes, _dataset.Label(split, index));
        Memory<byte> entryBytes = _entries.AsMemory(sample * FrameStoreEntry.Bytes, FrameStoreEntry.Bytes);
        RandomAccess.Write(_file, record.Span, offset);
        entry.Write(entryBytes.Span);
        RandomAccess.Write(_file, entryBytes.Span, _layout.EntryOffset(sample));
        lock (_gate) progress?.Invoke(++_done);
    }

    /// <summary>Whether the file is an unfinished store of this data set.</summary>
    private bool IsUnfinished(byte[] head)
    {
        var there = new byte[head.Length];
        return RandomAccess.GetLength(_file) >= _layout.RecordsOffset && RandomAccess.Read(_file, there, 0) == there.Length
            && there.AsSpan().SequenceEqual(head);
    }

    /// <summary>Keeps the entries whose samples are intact on the disk.</summary>
    private void KeepIntact()
    {
        long length = RandomAccess.GetLength(_file);
        RandomAccess.Read(_file, _entries, _layout.EntryOffset(0));
        var record = new byte[_layout.RecordBytes(sizeof(float))];
        for (int sample = 0; sample < _layout.Samples; sample++)
        {
            FrameStoreEntry entry = Entry(sample);
            if (entry.Offset != 0 && _layout.Fits(entry, length))
            {
                Span<byte> bytes = record.AsSpan(0, _layout.RecordBytes(entry.ValueBytes));
                if (RandomAccess.Read(_file, bytes, entry.Offset) == bytes.Length && XxHash64.HashToUInt64(bytes) == entry.Checksum)
                {
                    _end = Math.Max(_end, entry.Offset + bytes.Length);
                    _done++;
                    continue;
                }
            }
            default(FrameStoreEntry).Write(_entries.AsSpan(sample * FrameStoreEntry.Bytes));
        }
    }

    private FrameStoreEntry Entry(int sample) => FrameStoreEntry.Read(_entries.AsSpan(sample * FrameStoreEntry.Bytes));

    private static (int ValueBytes, Memory<byte> Record) Narrow(Buffers buffers)
    {
        float[] frames = buffers.Frames;
        foreach (int valueBytes in (ReadOnlySpan<int>)[1, 2])
        {
            Memory<byte> record = buffers.Record.AsMemory(0, frames.Length * valueBytes);
            if (TryNarrow(frames, record.Span, valueBytes)) return (valueBytes, record);
        }
        MemoryMarshal.AsBytes(frames.AsSpan()).CopyTo(buffers.Record);
        return (sizeof(float), buffers.Record);
    }

    private static bool TryNarrow(ReadOnlySpan<float> values, Span<byte> record, int valueBytes)
    {
        if (valueBytes == 1)
        {
            for (int i = 0; i < values.Length; i++)
            {
                record[i] = (byte)values[i];
                if (record[i] != values[i]) return false;
            }
            return true;
        }
        Span<ushort> wide = MemoryMarshal.Cast<byte, ushort>(record);
        for (int i = 0; i < values.Length; i++)
        {
            wide[i] = (ushort)values[i];
            if (wide[i] != values[i]) return false;
        }
        return true;
    }

    /// <summary>The buffers of one thread.</summary>
    private sealed class Buffers(int elements)
    {
        public float[] Frames { get; } = new float[elements];
        public byte[] Record { get; } = new byte[elements * sizeof(float)];
    }
}
