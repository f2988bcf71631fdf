using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using Spikeformer.Data.Frames;

namespace Spikeformer.Data.Images;

/// <summary>The index entry of an image file.</summary>
/// <param name="Hash">XxHash128 of the file's bytes.</param>
/// <param name="Width">Columns; 0 if the file cannot be decoded.</param>
/// <param name="Height">Rows; 0 if the file cannot be decoded.</param>
/// <param name="Problem">The reason why the file cannot be decoded, or null.</param>
public readonly record struct IndexedImage(UInt128 Hash, int Width, int Height, string? Problem);

/// <summary>The index of an image folder, kept beside the frame cache: the hash and size of each file, and whether it can be decoded. An entry is valid
/// while the file's length, its modification time and the decoder stay the same; other files are read again.</summary>
public sealed class ImageFolderIndex
{
    private const int SaveEvery = 20_000;

    private readonly Dictionary<(string Path, long Bytes, long Modified), IndexedImage> _entries;

    private ImageFolderIndex(Dictionary<(string, long, long), IndexedImage> entries) => _entries = entries;

    /// <summary>The entry of a file in the listing that the index was opened with.</summary>
    public IndexedImage this[ListedImage file] => _entries[Key(file)];

    /// <summary>Opens the index of a folder and reads every file that it does not know yet, on all cores.</summary>
    /// <param name="listing">The files of the folder.</param>
    /// <param name="cache">Settings for the index. A damaged or foreign index is rebuilt.</param>
    /// <param name="progress">Receives the number of files read and of all files to read, on any thread. May be null.</param>
    /// <param name="cancellation">Ends the work early. Completed entries are saved.</param>
    /// <exception cref="SpikeformerException">A file cannot be opened. The message names it.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static ImageFolderIndex Open(ImageFolderListing listing, FrameCacheOptions cache, Action<int, int>? progress = null,
        CancellationToken cancellation = default)
    {
        string? path = cache.Enabled ? PathOf(listing, cache) : null;
        Dictionary<(string, long, long), IndexedImage> known = path is null ? [] : Load(path);
        ListedImage[] files = [.. listing.Train, .. listing.Test];
        var entries = new ConcurrentDictionary<(string, long, long), IndexedImage>();
        var unknown = new List<ListedImage>();
        foreach (ListedImage file in files)
            if (known.TryGetValue(Key(file), out IndexedImage entry)) entries[Key(file)] = entry;
            else unknown.Add(file);
        int done = 0;
        foreach (ListedImage[] part in unknown.Chunk(SaveEvery))
        {
            try
            {
                ForEach(part, cancellation, (file, reader) =>
                {
                    entries[Key(file)] = reader.Inspect(Path.Combine(listing.Folder, file.Path));
                    progress?.Invoke(Interlocked.Increment(ref done), unknown.Count);
                });
            }
            finally
            {
                if (path is not null) Save(path, entries, cache);
            }
        }
        return new(new(entries));
    }

    /// <summary>Opens the saved index of a folder, which may be incomplete. Reads no images.</summary>
    /// <exception cref="SpikeformerException">There is no saved index (NotFound).</exception>
    public static ImageFolderIndex Find(ImageFolderListing listing, FrameCacheOptions cache)
    {
        string path = PathOf(listing, cache);
        return Load(path) is { Count: > 0 } known
            ? new(known)
            : throw new SpikeformerException(ErrorKind.NotFound, $"{listing.Folder} has no index: {path} is missing, damaged or from another image decoder",
                "Create it with 'data prepare image-folder'");
    }

    /// <summary>Returns the files that cannot be decoded, each with the problem as a clause to put after the name.</summary>
    public IReadOnlyList<(string Path, string Problem)> BadFiles(ImageFolderListing listing) =>
        [.. from file in listing.Train.Concat(listing.Test) let problem = this[file].Problem where problem is not null select (file.Path, problem)];

    /// <summary>Whether the index has an entry for a file.</summary>
    public bool Contains(ListedImage file) => _entries.ContainsKey(Key(file));

    /// <summary>Runs an action for each file, on all cores.</summary>
    /// <exception cref="SpikeformerException">The first error of an action.</exception>
    internal static void ForEach(ListedImage[] files, CancellationToken cancellation, Action<ListedImage, ImageFile> action)
    {
        try
        {
            Parallel.ForEach(files, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation },
                () => new ImageFile(),
                (file, _, reader) =>
                {
                    action(file, reader);
                    return reader;
                },
                _ => { });
        }
        catch (AggregateException error) when (error.InnerException is SpikeformerException first)
        {
            throw first;
        }
    }

    private static (string, long, long) Key(ListedImage file) => (file.Path, file.Bytes, file.Modified);

    private static string PathOf(ImageFolderListing listing, FrameCacheOptions cache)
    {
        byte[] place = SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(listing.Folder)));
        return Path.Combine(cache.ResolvedFolder, $"image-folder-{Convert.ToHexStringLower(place)[..32]}.index");
    }

    private static string Header => $"spikeformer image-folder index 1, decoder {ImageDecoder.Identity}";

    /// <summary>Reads the entries of an index file. Returns no entries if the file is damaged or from another decoder.</summary>
    private static Dictionary<(string, long, long), IndexedImage> Load(string path)
    {
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            if (bytes.Length < 16 || XxHash128.HashToUInt128(bytes.AsSpan(..^16)) != BinaryPrimitives.ReadUInt128LittleEndian(bytes.AsSpan(^16..)))
                return [];
            using var reader = new BinaryReader(new MemoryStream(bytes));
            if (reader.ReadString() != Header) return [];
            int count = reader.ReadInt32();
            var entries = new Dictionary<(string, long, long), IndexedImage>(count);
            for (int i = 0; i < count; i++)
            {
                var key = (reader.ReadString(), reader.ReadInt64(), reader.ReadInt64());
                var hash = new UInt128(reader.ReadUInt64(), reader.ReadUInt64());
                (int width, int height) = (reader.ReadInt32(), reader.ReadInt32());
                entries[key] = new(hash, width, height, reader.ReadBoolean() ? reader.ReadString() : null);
            }
            return entries;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static void Save(string path, ConcurrentDictionary<(string, long, long), IndexedImage> entries, FrameCacheOptions cache)
    {
        try
        {
            Directory.CreateDirectory(cache.ResolvedFolder);
            AtomicFile.Write(path, stream =>
            {
                var hash = new XxHash128();
                var buffer = new MemoryStream();
                var writer = new BinaryWriter(buffer);
                writer.Write(Header);
                var all = entries.ToArray();
                writer.Write(all.Length);
                foreach (((string name, long bytes, long modified), IndexedImage entry) in all)
                {
                    writer.Write(name);
                    writer.Write(bytes);
                    writer.Write(modified);
                    writer.Write((ulong)(entry.Hash >> 64));
                    writer.Write((ulong)entry.Hash);
                    writer.Write(entry.Width);
                    writer.Write(entry.Height);
                    writer.Write(entry.Problem is not null);
                    if (entry.Problem is not null) writer.Write(entry.Problem);
                    if (buffer.Length > 1 << 20) Flush();
                }
                Flush();
                Span<byte> sum = stackalloc byte[16];
                BinaryPrimitives.WriteUInt128LittleEndian(sum, hash.GetCurrentHashAsUInt128());
                stream.Write(sum);

                void Flush()
                {
                    ReadOnlySpan<byte> written = buffer.GetBuffer().AsSpan(0, (int)buffer.Length);
                    hash.Append(written);
                    stream.Write(written);
                    buffer.SetLength(0);
                }
            });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or SpikeformerException)
        {
            cache.Warn?.Invoke($"The image index in {cache.ResolvedFolder} cannot be written ({error.Message.TrimEnd('.')}); "
                + "the next run reads every image again.");
        }
    }
}
