using System.Buffers.Binary;
using System.IO.Hashing;

namespace Spikeformer.Data.Frames;

/// <summary>The description inside a frame store.</summary>
/// <param name="Name">Kind of the data set.</param>
/// <param name="FrameKey">How the frames were cut; see <see cref="IFrameDataset.FrameKey"/>.</param>
/// <param name="ClassNames">Class names in the order of labels.</param>
internal sealed record FrameStoreDescription(string Name, string FrameKey, IReadOnlyList<string> ClassNames);

/// <summary>The entry of one sample in a frame store.</summary>
/// <param name="Offset">Start of the sample in bytes from the start of the file; 0 while the sample is not written.</param>
/// <param name="Checksum">XxHash64 of the sample's bytes.</param>
/// <param name="ValueBytes">Bytes per value: 1, 2 or 4.</param>
/// <param name="Label">The sample's label.</param>
internal readonly record struct FrameStoreEntry(long Offset, ulong Checksum, int ValueBytes, int Label)
{
    public const int Bytes = 24;

    public static FrameStoreEntry Read(ReadOnlySpan<byte> at) => new(BinaryPrimitives.ReadInt64LittleEndian(at),
        BinaryPrimitives.ReadUInt64LittleEndian(at[8..]), BinaryPrimitives.ReadInt32LittleEndian(at[16..]), BinaryPrimitives.ReadInt32LittleEndian(at[20..]));

    public void Write(Span<byte> at)
    {
        BinaryPrimitives.WriteInt64LittleEndian(at, Offset);
        BinaryPrimitives.WriteUInt64LittleEndian(at[8..], Checksum);
        BinaryPrimitives.WriteInt32LittleEndian(at[16..], ValueBytes);
        BinaryPrimitives.WriteInt32LittleEndian(at[20..], Label);
    }
}

/// <summary>The format of a frame store: a 128-byte header, the description as JSON, one entry per sample (training samples first), then the samples in
/// any order.</summary>
/// <remarks>The header is little-endian: magic number, version, length of the description, T, C, H, W, number of training and test samples,
/// content hash, XxHash128 of description and entries (0 while the store is being written), XxHash64 of the header itself.</remarks>
internal sealed unsafe class FrameStoreLayout
{
    public const int HeaderBytes = 128;
    private const ulong Magic = 0x4D41_5246_4B49_5053; // "SPIKFRAM"
    private const int Version = 2, MaxDescriptionBytes = 1 << 24;

    private readonly byte[] _description;

    private FrameStoreLayout(FrameStoreDescription description, byte[] bytes, SampleShape shape, int train, int test, string contentHash) =>
        (Description, _description, Shape, Train, Test, ContentHash) = (description, bytes, shape, train, test, contentHash);

    public FrameStoreDescription Description { get; }
    public SampleShape Shape { get; }
    public int Train { get; }
    public int Test { get; }
    public string ContentHash { get; }

    public int Samples => Train + Test;

    /// <summary>Start of the samples in bytes.</summary>
    public long RecordsOffset => EntryOffset(Samples);

    /// <summary>Creates the layout for a data set.</summary>
    public static FrameStoreLayout Of(IFrameDataset dataset)
    {
        var description = new FrameStoreDescription(dataset.Name, dataset.FrameKey, dataset.ClassNames);
        return new(description, JsonSerializer.SerializeToUtf8Bytes(description), dataset.Shape, dataset.Count(Split.Train), dataset.Count(Split.Test),
            dataset.ContentHash);
    }

    /// <summary>Whether this is the layout of a data set.</summary>
    public bool IsOf(IFrameDataset dataset)
    {
        FrameStoreLayout other = Of(dataset);
        return other._description.AsSpan().SequenceEqual(_description)
            && (Shape, Train, Test, ContentHash) == (other.Shape, other.Train, other.Test, other.ContentHash);
    }

    /// <summary>Start of a sample's entry in bytes.</summary>
    public long EntryOffset(int sample) => HeaderBytes + _description.Length + (long)sample * FrameStoreEntry.Bytes;

    /// <summary>Length of a sample in bytes.</summary>
    public int RecordBytes(int valueBytes) => Shape.Elements * valueBytes;

    /// <summary>Whether an entry is possible in a file of this length.</summary>
    public bool Fits(FrameStoreEntry entry, long length) => entry.ValueBytes is 1 or 2 or 4
        && entry.Offset >= RecordsOffset && entry.Offset <= length - RecordBytes(entry.ValueBytes)
        && (uint)entry.Label < (uint)Description.ClassNames.Count;

    /// <summary>Returns the bytes of header and description.</summary>
    /// <param name="checksum">The checksum of description and entries; 0 while the store is being written.</param>
    public byte[] Head(UInt128 checksum)
    {
        var head = new byte[HeaderBytes + _description.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(head, Magic);
        ReadOnlySpan<int> numbers = [Version, _description.Length, Shape.TimeSteps, Shape.Channels, Shape.Height, Shape.Width, Train, Test];
        for (int i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8 + 4 * i), numbers[i]);
        Convert.FromHexString(ContentHash).CopyTo(head, 40);
        BinaryPrimitives.WriteUInt128LittleEndian(head.AsSpan(72), checksum);
        BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(HeaderBytes - 8), XxHash64.HashToUInt64(head.AsSpan(0, HeaderBytes - 8)));
        _description.CopyTo(head, HeaderBytes);
        return head;
    }

    /// <summary>Computes the checksum of description and entries. Never returns 0.</summary>
    /// <param name="entries">The bytes of all entries.</param>
    public UInt128 Checksum(ReadOnlySpan<byte> entries)
    {
        var hash = new XxHash128();
        hash.Append(_description);
        hash.Append(entries);
        return UInt128.Max(1, hash.GetCurrentHashAsUInt128());
    }

    /// <summary>Reads the layout of a file. Returns null and the reason if the file is not a complete store.</summary>
    public static FrameStoreLayout? TryRead(byte* start, long length, out string? problem)
    {
        var header = new ReadOnlySpan<byte>(start, HeaderBytes);
        problem = "the header is damaged, or the file is not a frame store";
        if (BinaryPrimitives.ReadUInt64LittleEndian(header) != Magic
            || BinaryPrimitives.ReadUInt64LittleEndian(header[(HeaderBytes - 8)..]) != XxHash64.HashToUInt64(header[..(HeaderBytes - 8)])) return null;
        var numbers = new int[8];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = BinaryPrimitives.ReadInt32LittleEndian(header[(8 + 4 * i)..]);
        problem = $"it has version {numbers[0]}; this program reads version {Version}";
        if (numbers[0] != Version) return null;
        UInt128 checksum = BinaryPrimitives.ReadUInt128LittleEndian(header[72..]);
        problem = "it is unfinished";
        if (checksum == 0) return null;
        problem = "it ends early";
        if (numbers[1] is < 0 or > MaxDescriptionBytes || length < HeaderBytes + numbers[1]) return null;
        byte[] words = new ReadOnlySpan<byte>(start + HeaderBytes, numbers[1]).ToArray();
        FrameStoreDescription? description = Parse(words);
        problem = "the description is damaged";
        if (description is null) return null;
        var layout = new FrameStoreLayout(description, words, new(numbers[2], numbers[3], numbers[4], numbers[5]), numbers[6], numbers[7],
            Convert.ToHexStringLower(header.Slice(40, 32)));
        problem = "it ends early";
        if (length < layout.RecordsOffset) return null;
        problem = "the list of samples is damaged";
        long entryBytes = layout.RecordsOffset - layout.EntryOffset(0);
        return layout.Checksum(new(start + layout.EntryOffset(0), checked((int)entryBytes))) == checksum ? layout : null;
    }

    private static FrameStoreDescription? Parse(ReadOnlySpan<byte> words)
    {
        try
        {
            return JsonSerializer.Deserialize<FrameStoreDescription>(words);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
