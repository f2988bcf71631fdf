using System.Collections.Concurrent;
using System.IO.Compression;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using Spikeformer.Data.Formats;

namespace Spikeformer.Data.Recordings;

/// <summary>The place of a sample's bytes: a file, a part of a file, or a member of a zip archive.</summary>
/// <param name="Path">The file or archive.</param>
/// <param name="Label">The sample's label.</param>
/// <param name="Hash">XxHash128 of the bytes when the data set was opened.</param>
internal sealed record RecordingFile(string Path, int Label, UInt128 Hash)
{
    /// <summary>Name of the archive member; null for a plain file.</summary>
    public string? Member { get; init; }
    /// <summary>Start of the part of a plain file, bytes.</summary>
    public long Offset { get; init; }
    /// <summary>Length of the part, bytes; null reads to the end of the file.</summary>
    public int? Length { get; init; }
    /// <summary>Start of the sample's time range, microseconds; inclusive.</summary>
    public long From { get; init; } = long.MinValue;
    /// <summary>End of the sample's time range, microseconds; exclusive.</summary>
    public long To { get; init; } = long.MaxValue;

    /// <summary>The name to use in messages.</summary>
    public string Name => Member is null ? Path : $"{Path}, {Member}";
}

/// <summary>The bytes of a sample in a pooled buffer. Disposing returns the buffer to the pool.</summary>
internal readonly struct RecordingBytes(ArraySegment<byte> bytes, ConcurrentBag<byte[]> idle) : IDisposable
{
    public ArraySegment<byte> Bytes => bytes;

    public void Dispose() => idle.Add(bytes.Array!);
}

/// <summary>The files of a data set in the order of its samples, and the hash of everything that determines the samples.</summary>
/// <remarks>Safe for concurrent readers. Buffers are reused.</remarks>
internal sealed class RecordingFiles
{
    /// <summary>Maximum size of a file, part or member in bytes.</summary>
    public const int MaxBytes = 256 << 20;

    private readonly ConcurrentBag<byte[]> _idle = [];
    private readonly RecordingFile[] _train, _test;

    private RecordingFiles(RecordingFile[] train, RecordingFile[] test, string contentHash) =>
        (_train, _test, ContentHash) = (train, test, contentHash);

    /// <summary>Lower-case hex SHA-256 of options, names, labels and content.</summary>
    public string ContentHash { get; }

    /// <summary>The files of a split.</summary>
    public RecordingFile[] this[Split split] => split == Split.Train ? _train : _test;

    /// <summary>Reads a sample's bytes.</summary>
    /// <param name="file">The sample.</param>
    /// <returns>The bytes. The caller disposes them, which returns their buffer for reuse.</returns>
    /// <exception cref="SpikeformerException">The file cannot be read, or has changed since the data set was opened.</exception>
    public RecordingBytes Read(RecordingFile file)
    {
        if (!_idle.TryTake(out byte[]? buffer)) buffer = new byte[64 << 10];
        ArraySegment<byte> bytes = Load(file, ref buffer);
        if (XxHash128.HashToUInt128(bytes) != file.Hash)
            throw new SpikeformerException(ErrorKind.CheckFailed,
                $"{file.Name}: the file has changed since the data set was opened",
                "Do not change data while it is in use; start again");
        return new(bytes, _idle);
    }

    /// <summary>Reads the bytes of a file, part or member into the buffer, replacing the buffer if it is too small.</summary>
    /// <exception cref="SpikeformerException">The file cannot be read, or is too long.</exception>
    public static ArraySegment<byte> Load(RecordingFile file, ref byte[] buffer)
    {
        try
        {
            if (file.Member is { } member)
            {
                using ZipArchive zip = ZipFile.OpenRead(file.Path);
                ZipArchiveEntry entry = zip.GetEntry(member) ?? throw new InvalidDataException($"the archive has no member {member}");
                using var stream = new Crc32Stream(entry.Open());
                ArraySegment<byte> bytes = Load(stream, entry.Length, file.Name, ref buffer);
                return stream.Checksum == entry.Crc32 ? bytes : throw new InvalidDataException("the content does not match its checksum");
            }
            using var plain = new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            plain.Position = file.Offset;
            return Load(plain, file.Length ?? plain.Length, file.Name, ref buffer);
        }
        catch (Exception e) when (StorageErrors.IsStorage(e) || e is InvalidDataException)
        {
            throw StorageErrors.CannotRead(file.Name, e);
        }
    }

    /// <summary>Lists the names in a folder, sorted by code point, without hidden files and folders.</summary>
    /// <exception cref="SpikeformerException">The folder cannot be read.</exception>
    public static List<string> List(string folder, Func<string, IEnumerable<string>> enumerate)
    {
        try
        {
            var names = enumerate(folder).Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith('.')).ToList();
            names.Sort(StringComparer.Ordinal);
            return names;
        }
        catch (Exception e) when (StorageErrors.IsStorage(e))
        {
            throw StorageErrors.CannotRead(folder, e);
        }
    }

    private static ArraySegment<byte> Load(Stream stream, long length, string name, ref byte[] buffer)
    {
        if (length > MaxBytes)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{name}: {length:N0} bytes are too much for a recording (limit {MaxBytes:N0})",
                "Check what this file is, or remove it");
        if (length > buffer.Length) buffer = new byte[length];
        int read = stream.ReadAtLeast(buffer.AsSpan(0, (int)length), (int)length, throwOnEndOfStream: false);
        return new(buffer, 0, read);
    }

    /// <summary>Collects the files of a data set and hashes everything that determines its samples.</summary>
    internal sealed class Builder : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly List<RecordingFile> _train = [], _test = [];
        private byte[] _buffer = new byte[64 << 10];

        /// <param name="head">Name, version and options of the data set.</param>
        public Builder(string head) => Hash($"{head}\n");

        /// <summary>Adds a line to the hash.</summary>
        public void Hash(string text) => _hash.AppendData(Encoding.UTF8.GetBytes(text));

        /// <summary>Adds a stream to the hash.</summary>
        public void Hash(Stream stream)
        {
            var part = new byte[1 << 20];
            for (int read; (read = stream.Read(part)) > 0;) _hash.AppendData(part, 0, read);
        }

        /// <summary>Adds a sample that is a whole file or archive member.</summary>
        /// <param name="split">The split of the sample.</param>
        /// <param name="path">The file or archive.</param>
        /// <param name="member">The archive member, or null for a plain file.</param>
        /// <param name="label">The label of the sample.</param>
        /// <param name="name">A name for the sample that is the same on every machine.</param>
        /// <param name="checkLength">Throws for an impossible length; may be null.</param>
        public void Add(Split split, string path, string? member, int label, string name, Action<long, string>? checkLength = null)
        {
            var file = new RecordingFile(path, label, default) { Member = member };
            ArraySegment<byte> bytes = Load(file, ref _buffer);
            checkLength?.Invoke(bytes.Count, path);
            Hash($"{name} label={label} bytes={bytes.Count}\n");
            _hash.AppendData(bytes);
            Add(split, file with { Hash = XxHash128.HashToUInt128(bytes) });
        }

        /// <summary>Adds a sample whose content the caller has already hashed.</summary>
        public void Add(Split split, RecordingFile file) => (split == Split.Train ? _train : _test).Add(file);

        /// <summary>Returns all files and the hash.</summary>
        public RecordingFiles Build() => new([.. _train], [.. _test], Convert.ToHexStringLower(_hash.GetHashAndReset()));

        /// <inheritdoc/>
        public void Dispose() => _hash.Dispose();
    }
}
