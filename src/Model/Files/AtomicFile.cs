using System.Text;

namespace Spikeformer.Files;

/// <summary>
/// Writes files that exist whole or not at all, whatever happens: a temporary file in the same directory, fsync, rename, fsync of the
/// directory. A reader sees the old content or the new, never a mixture; after return the new content survives a power cut.
/// </summary>
public static class AtomicFile
{
    private const string TemporarySuffix = ".tmp";

    /// <summary>Writes or replaces a file.</summary>
    /// <param name="path">The file; its directory must exist.</param>
    /// <param name="content">Writes the content to the stream it gets; what it throws is passed on, and nothing is left behind.</param>
    /// <exception cref="SpikeformerException">The file system refuses: full disk (Failed), no permission (Usage). An existing file is
    /// unchanged.</exception>
    public static void Write(string path, Action<Stream> content)
    {
        ArgumentNullException.ThrowIfNull(content);
        try
        {
            WriteOrThrow(path, content);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot write {path}");
        }
    }

    /// <summary>Writes or replaces a file with the UTF-8 bytes of <paramref name="text"/>, as <see cref="Write"/> does.</summary>
    /// <param name="path">The file; its directory must exist.</param>
    /// <param name="text">The whole content.</param>
    /// <exception cref="SpikeformerException">As for <see cref="Write"/>.</exception>
    public static void WriteAllText(string path, string text) => WriteAllBytes(path, Encoding.UTF8.GetBytes(text));

    /// <summary>Writes or replaces a file with <paramref name="bytes"/>, as <see cref="Write"/> does.</summary>
    /// <param name="path">The file; its directory must exist.</param>
    /// <param name="bytes">The whole content.</param>
    /// <exception cref="SpikeformerException">As for <see cref="Write"/>.</exception>
    public static void WriteAllBytes(string path, ReadOnlyMemory<byte> bytes) => Write(path, stream => stream.Write(bytes.Span));

    /// <summary>Creates a directory and its missing parents so that they survive a power cut; does nothing when it exists.</summary>
    /// <param name="path">The directory.</param>
    /// <exception cref="SpikeformerException">The file system refuses, or a file stands in its place.</exception>
    public static void CreateDirectory(string path)
    {
        try
        {
            CreateDirectoryOrThrow(path);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot create the folder {path}");
        }
    }

    /// <summary>Removes temporary files that writers left in a directory when they were killed.</summary>
    /// <param name="directory">The directory; no one may be writing into it.</param>
    /// <returns>How many files were removed.</returns>
    /// <exception cref="IOException">A file cannot be removed.</exception>
    public static int DeleteLeftovers(string directory)
    {
        var leftovers = Directory.EnumerateFiles(directory).Where(path => IsTemporary(Path.GetFileName(path))).ToList();
        leftovers.ForEach(File.Delete);
        return leftovers.Count;
    }

    /// <summary>Whether a file name is that of a write in progress, or of one that was killed.</summary>
    /// <param name="fileName">The name without its directory.</param>
    public static bool IsTemporary(string fileName)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        return fileName.StartsWith('.') && fileName.EndsWith(TemporarySuffix, StringComparison.Ordinal);
    }

    /// <summary><see cref="Write"/> with the file system's own exceptions.</summary>
    internal static void WriteOrThrow(string path, Action<Stream> content)
    {
        string directory = DirectoryOf(path);
        string temporary = Path.Combine(directory, $".{Path.GetFileName(path)}.{Path.GetRandomFileName()}{TemporarySuffix}");
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                // Not disposed: after an error that would only try to write again.
                var buffered = new BufferedStream(file, 1 << 16);
                content(buffered);
                buffered.Flush();
                file.Flush(flushToDisk: true);
                Posix.DropCache(file.SafeFileHandle);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
        Posix.SyncDirectory(directory);
    }

    /// <summary><see cref="CreateDirectory"/> with the file system's own exceptions.</summary>
    internal static void CreateDirectoryOrThrow(string path)
    {
        path = Path.GetFullPath(path);
        if (Directory.Exists(path)) return;
        string? parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(path));
        if (parent is not null) CreateDirectoryOrThrow(parent);
        Directory.CreateDirectory(path);
        if (parent is not null) Posix.SyncDirectory(parent);
    }

    private static string DirectoryOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) is { } directory
        ? directory
        : throw new IOException($"'{path}' is a directory.");

    // The error that stopped the write matters, not one of the clean-up after it; leftovers are removed later.
    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
        }
    }
}
