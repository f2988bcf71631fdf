using Spikeformer.Files;

namespace Spikeformer.Clustering;

/// <summary>A file that several processes of one machine read at any time and change in turn. Each change is atomic and durable.</summary>
/// <remarks>A turn is an flock(2) on a file beside it, which the system releases when the owner is killed. A stopped (SIGSTOP) owner keeps it, so waiting
/// is limited. It works on local file systems only: advisory locks over a network cannot be trusted.</remarks>
/// <param name="path">Absolute path of the file. Its directory must exist.</param>
/// <param name="time">The clock for waiting.</param>
internal sealed class SharedFile(string path, TimeProvider time)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(5);

    /// <summary>Absolute path of the file.</summary>
    public string Path { get; } = path;

    /// <summary>Runs <paramref name="work"/> while no other process and no other caller may change the file.</summary>
    /// <param name="work">Reads and replaces the file; runs on the thread pool.</param>
    /// <exception cref="SpikeformerException">Another process holds the file for more than 5 seconds (Conflict), or the file system fails.</exception>
    public async Task<T> InTurnAsync<T>(Func<T> work)
    {
        using FileLock turn = await TakeTurnAsync().ConfigureAwait(false);
        return await Task.Run(work).ConfigureAwait(false);
    }

    /// <summary>Returns the content, or null if there is no file. It is never incomplete, with or without a turn.</summary>
    /// <exception cref="SpikeformerException">The file system fails.</exception>
    public byte[]? Read()
    {
        try
        {
            return File.ReadAllBytes(Path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot read {Path}");
        }
    }

    /// <summary>Replaces the content; in turn only. After an error the old content remains.</summary>
    /// <exception cref="SpikeformerException">The file system fails, for example for lack of space.</exception>
    public void Replace(byte[] content) => AtomicFile.WriteAllBytes(Path, content);

    /// <summary>Removes the file; in turn only.</summary>
    /// <exception cref="SpikeformerException">The file system fails.</exception>
    public void Delete()
    {
        try
        {
            File.Delete(Path);
            Posix.SyncDirectory(System.IO.Path.GetDirectoryName(Path)!);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot remove {Path}");
        }
    }

    /// <summary>Removes temporary files that killed writers left behind; in turn only, because a live writer has such a file too.</summary>
    /// <exception cref="SpikeformerException">The file system fails.</exception>
    public void DeleteLeftovers()
    {
        try
        {
            string directory = System.IO.Path.GetDirectoryName(Path)!, prefix = $".{System.IO.Path.GetFileName(Path)}.";
            foreach (string file in Directory.EnumerateFiles(directory, prefix + "*"))
                if (AtomicFile.IsTemporary(System.IO.Path.GetFileName(file))) File.Delete(file);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot remove temporary files of killed writers of {Path}");
        }
    }

    private async Task<FileLock> TakeTurnAsync()
    {
        string lockFile = Path + ".lock";
        long start = time.GetTimestamp();
        try
        {
            while (true)
            {
                if (FileLock.TryAcquire(lockFile, out string owner) is { } turn) return turn;
                if (time.GetElapsedTime(start) > s_patience)
                    throw new SpikeformerException(ErrorKind.Conflict, $"{Path} has been locked by {owner} for more than {s_patience.TotalSeconds:0} s",
                        "Continue or end that process; it may be stopped");
                await Task.Delay(s_pause, time).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot lock {lockFile}");
        }
    }
}
