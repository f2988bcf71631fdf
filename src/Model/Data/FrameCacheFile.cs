using System.Buffers.Binary;
using System.IO.Hashing;
using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Spikeformer.Data;

/// <summary>
/// One cache file, mapped read-only: a header of 128 bytes, then all training and all test samples, each value in as few bytes as the
/// largest count of the file needs (uint8, uint16, else float32).
/// </summary>
/// <remarks>Header, little end first: magic, version, bytes a value, content hash, T, C, H, W, samples of train and test, XxHash128 of the
/// samples, XxHash64 of the header itself.</remarks>
internal sealed unsafe class FrameCacheFile : IDisposable
{
    private const ulong Magic = 0x4D41_5246_4B49_5053; // "SPIKFRAM"
    private const int Version = 1, HeaderBytes = 128;

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _samples;
    private readonly int _valueBytes, _elements, _train;

    private FrameCacheFile(MemoryMappedFile map, MemoryMappedViewAccessor view, byte* start, int valueBytes, IDataset dataset)
    {
        (_map, _view, _valueBytes) = (map, view, valueBytes);
        _samples = start + HeaderBytes;
        (_elements, _train) = (dataset.Shape.Elements, dataset.Count(Split.Train));
    }

    /// <summary>Opens the cache of a data set; null if there is none or it is damaged, of another data set, or of another
    /// version.</summary>
    public static FrameCacheFile? TryOpen(string path, IDataset dataset)
    {
        if (!File.Exists(path)) return null;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        long length = file.Length;
        if (length < HeaderBytes) return null;
        var map = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        var view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        int valueBytes = Check(start, length, dataset);
        if (valueBytes > 0) return new(map, view, start, valueBytes, dataset);
        Close(map, view);
        return null;
    }

    /// <summary>Writes the cache of a data set to an empty file.</summary>
    public static void Write(FileStream file, IDataset dataset)
    {
        float[] frames = new float[dataset.Shape.Elements];
        byte[] encoded = new byte[frames.Length * sizeof(float)];
        foreach (int valueBytes in (ReadOnlySpan<int>)[1, 2, 4])
            if (TryWrite(file, dataset, valueBytes, frames, encoded)) return;
    }

    /// <summary>Reads a sample.</summary>
    public void Read(Split split, int index, Span<float> frames_TCHW)
    {
        long sample = split == Split.Train ? index : _train + index;
        byte* source = _samples + sample * _elements * _valueBytes;
        switch (_valueBytes)
        {
            case 1: Widen(new ReadOnlySpan<byte>(source, _elements), frames_TCHW); break;
            case 2: Widen(new ReadOnlySpan<ushort>(source, _elements), frames_TCHW); break;
            default: new ReadOnlySpan<float>(source, _elements).CopyTo(frames_TCHW); break;
        }
    }

    public void Dispose() => Close(_map, _view);

    private static void Close(MemoryMappedFile map, MemoryMappedViewAccessor view)
    {
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        map.Dispose();
    }

    /// <summary>Bytes a value, or 0 if the file is not the intact cache of this data set.</summary>
    private static int Check(byte* start, long length, IDataset dataset)
    {
        var header = new ReadOnlySpan<byte>(start, HeaderBytes);
        int valueBytes = BinaryPrimitives.ReadInt32LittleEndian(header[12..]);
        if (valueBytes is not (1 or 2 or 4) || length != HeaderBytes + PayloadBytes(dataset, valueBytes)) return 0;
        var checksum = new XxHash128();
        for (long at = HeaderBytes; at < length;)
        {
            int part = (int)Math.Min(1 << 24, length - at);
            checksum.Append(new ReadOnlySpan<byte>(start + at, part));
            at += part;
        }
        Span<byte> expected = stackalloc byte[HeaderBytes];
        WriteHeader(expected, dataset, valueBytes, checksum.GetCurrentHashAsUInt128());
        return header.SequenceEqual(expected) ? valueBytes : 0;
    }

    private static long PayloadBytes(IDataset dataset, int valueBytes) =>
        ((long)dataset.Count(Split.Train) + dataset.Count(Split.Test)) * dataset.Shape.Elements * valueBytes;

    private static void WriteHeader(Span<byte> header, IDataset dataset, int valueBytes, UInt128 checksum)
    {
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        var shape = dataset.Shape;
        Span<int> numbers = [Version, valueBytes, shape.TimeSteps, shape.Channels, shape.Height, shape.Width,
            dataset.Count(Split.Train), dataset.Count(Split.Test)];
        for (int i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteInt32LittleEndian(header[(8 + 4 * i)..], numbers[i]);
        Convert.FromHexString(dataset.ContentHash).CopyTo(header[40..]);
        BinaryPrimitives.WriteUInt128LittleEndian(header[72..], checksum);
        BinaryPrimitives.WriteUInt64LittleEndian(header[(HeaderBytes - 8)..], XxHash64.HashToUInt64(header[..(HeaderBytes - 8)]));
    }

    /// <summary>False when a count does not fit; the file then holds the part that did.</summary>
    private static bool TryWrite(FileStream file, IDataset dataset, int valueBytes, float[] frames, byte[] encoded)
    {
        var checksum = new XxHash128();
        Span<byte> header = stackalloc byte[HeaderBytes];
        var sample = encoded.AsSpan(0, frames.Length * valueBytes);
        file.SetLength(0);
        file.Position = 0;
        header.Clear();
        file.Write(header);
        foreach (var split in (ReadOnlySpan<Split>)[Split.Train, Split.Test])
            for (int index = 0; index < dataset.Count(split); index++)
            {
                dataset.Read(split, index, null, frames);
                if (!TryNarrow(frames, sample, valueBytes)) return false;
                checksum.Append(sample);
                file.Write(sample);
            }
        WriteHeader(header, dataset, valueBytes, checksum.GetCurrentHashAsUInt128());
        file.Position = 0;
        file.Write(header);
        return true;
    }

    private static bool TryNarrow(ReadOnlySpan<float> values, Span<byte> encoded, int valueBytes)
    {
        switch (valueBytes)
        {
            case 1:
                for (int i = 0; i < values.Length; i++)
                {
                    encoded[i] = (byte)values[i];
                    if (encoded[i] != values[i]) return false;
                }
                return true;
            case 2:
                var wide = MemoryMarshal.Cast<byte, ushort>(encoded);
                for (int i = 0; i < values.Length; i++)
                {
                    wide[i] = (ushort)values[i];
                    if (wide[i] != values[i]) return false;
                }
                return true;
            default:
                MemoryMarshal.AsBytes(values).CopyTo(encoded);
                return true;
        }
    }

    private static void Widen<T>(ReadOnlySpan<T> source, Span<float> target) where T : unmanaged, INumberBase<T>
    {
        for (int i = 0; i < source.Length; i++) target[i] = float.CreateTruncating(source[i]);
    }
}
