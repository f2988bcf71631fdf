using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using Spikeformer.Data.Frames;
using Spikeformer.Files;

namespace Spikeformer.Data.Images;

/// <summary>What is known of an image file's content.</summary>
/// <param name="Hash">XxHash128 of its bytes.</param>
/// <param name="Width">Columns; 0 when it cannot be decoded.</param>
/// <param name="Height">Rows; 0 when it cannot be decoded.</param>
/// <param name="Problem">Why it cannot be decoded; null when it can.</param>
public readonly record struct IndexedImage(UInt128 Hash, int Width, int Height, string? Problem);

/// <summary>
/// What an image folder's files hold, looked up once and kept beside the frame cache: each file's hash, size and whether it can be decoded. An
/// entry counts as long as the file's length and time of change stay, and the decoder does; others are looked at again.
/// </summary>
public sealed class ImageFolderIndex
{
    private const int SaveEvery = 20_000;

    private readonly Dictionary<(string Path, long Bytes, long Modified), IndexedImage> _entries;

    private ImageFolderIndex(Dictionary<(string, long, long), IndexedImage> entries) => _entries = entries;

    /// <summary>The entry of a file that was listed when the index was opened.</summary>
    public IndexedImage this[ListedImage file] => _entries[Key(file)];

    /// <summary>Opens the index of a folder, and looks at every file that it does not know yet, on all cores.</summary>
    /// <param name="listing">The folder's files.</param>
    /// <param name="cache">Where the index is kept; a broken or foreign one is made anew.</param>
    /// <param name="progress">Gets how many files were looked at, and how many there are to look at; on any thread.</param>
    /// <param name="cancellation">Ends the work early; what was found out is kept.</param>
    /// <exception cref="SpikeformerException">A file cannot be opened; names it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
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
                    entries[Key(file)] = reader.Look(Path.Combine(listing.Folder, file.Path));
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

    /// <summary>The index of a folder as it is kept, however much of the folder it knows.</summary>
    /// <exception cref="SpikeformerException">There is none (NotFound).</exception>
    public static ImageFolderIndex Find(ImageFolderListing listing, FrameCacheOptions cache)
    {
        string path = PathOf(listing, cache);
        return Load(path) is { Count: > 0 } known
            ? new(known)
            : throw new SpikeformerException(ErrorKind.NotFound, $"{listing.Folder} has no index: there is no whole {path} of this image decoder",
                "Make it with 'data prepare image-folder'");
    }

    /// <summary>The files that cannot be decoded, with the reason, a clause that follows the name.</summary>
    public IReadOnlyList<(string Path, string Problem)> BadFiles(ImageFolderListing listing) =>
        [.. from file in listing.Train.Concat(listing.Test) let problem = this[file].Problem where problem is not null select (file.Path, problem)];

    /// <summary>Whether the index knows a file.</summary>
    public bool Contains(ListedImage file) => _entries.ContainsKey(Key(file));

    /// <summary>Looks at files on all cores.</summary>
    /// <exception cref="SpikeformerException">The first one that an action threw.</exception>
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

    /// <summary>The entries of a file that is whole and of this decoder; none otherwise.</summary>
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
                + "the next run looks at every image again.");
        }
    }
}
