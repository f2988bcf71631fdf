using System.Text;

namespace Spikeformer.Files;

/// <summary>Writes files atomically: writes a temporary file in the same directory, calls fsync, renames the file and calls fsync on the directory. A
/// reader sees the old content or the new content, never a mixture. When a method returns, the new content survives a power cut.</summary>
public static class AtomicFile
{
    private const string TemporarySuffix = ".tmp";

    /// <summary>Writes or replaces a file.</summary>
    /// <param name="path">The file; its directory must exist.</param>
    /// <param name="content">Writes the content to the given stream. If it throws, the exception is passed on and no file is left behind.</param>
    /// <exception cref="SpikeformerException">The disk is full (Failed), permission is missing (Usage), or another I/O error occurred. An
    /// existing file is unchanged.</exception>
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

    /// <summary>Creates a directory and its missing parents so that they survive a power cut. Does nothing if the directory exists.</summary>
    /// <param name="path">The directory.</param>
    /// <exception cref="SpikeformerException">The directory cannot be created, or a file has its name.</exception>
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

    /// <summary>Deletes the temporary files of killed writers.</summary>
    /// <param name="directory">The directory. Nothing else may write to it at the same time.</param>
    /// <returns>The number of files deleted.</returns>
    /// <exception cref="IOException">A file cannot be deleted.</exception>
    public static int DeleteLeftovers(string directory)
    {
        var leftovers = Directory.EnumerateFiles(directory).Where(path => IsTemporary(Path.GetFileName(path))).ToList();
        leftovers.ForEach(File.Delete);
        return leftovers.Count;
    }

    /// <summary>Whether a file name belongs to an unfinished write.</summary>
    /// <param name="fileName">The name without its directory.</param>
    public static bool IsTemporary(string fileName)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        return fileName.StartsWith('.') && fileName.EndsWith(TemporarySuffix, StringComparison.Ordinal);
    }

    /// <summary>Like <see cref="Write"/>, but throws the exceptions of the file system.</summary>
    internal static void WriteOrThrow(string path, Action<Stream> content)
    {
        string directory = DirectoryOf(path);
        string temporary = Path.Combine(directory, $".{Path.GetFileName(path)}.{Path.GetRandomFileName()}{TemporarySuffix}");
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                // Not disposed, because disposing after an error would try to write again.
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

    /// <summary>Like <see cref="CreateDirectory"/>, but throws the exceptions of the file system.</summary>
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

    // Ignores errors, so that the caller sees the error that stopped the write. DeleteLeftovers removes the file later.
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
