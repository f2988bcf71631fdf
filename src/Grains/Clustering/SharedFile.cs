using Spikeformer.Files;

namespace Spikeformer.Clustering;

/// <summary>A file that several processes of one machine read at will and change by turns, each change atomic and durable.</summary>
/// <remarks>The turn is an flock(2) on a file beside it, which the system takes back from a killed owner. A stopped (SIGSTOP) owner keeps
/// it, so waiting is bounded. Local file systems only: advisory locks over a network are not to be trusted.</remarks>
/// <param name="path">The file, absolute; its directory must exist.</param>
/// <param name="time">The clock of the waiting.</param>
internal sealed class SharedFile(string path, TimeProvider time)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(5);

    /// <summary>The file.</summary>
    public string Path { get; } = path;

    /// <summary>Does <paramref name="work"/> while no other process and no other caller may change the file.</summary>
    /// <param name="work">Reads, decides, replaces; runs on the thread pool.</param>
    /// <exception cref="SpikeformerException">Another holds the file for more than 5 s (Conflict), or the file system refuses.</exception>
    public async Task<T> InTurnAsync<T>(Func<T> work)
    {
        using FileLock turn = await TakeTurnAsync().ConfigureAwait(false);
        return await Task.Run(work).ConfigureAwait(false);
    }

    /// <summary>The content, or null when there is no file. Never a half-written one, with or without a turn.</summary>
    /// <exception cref="SpikeformerException">The file system refuses.</exception>
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

    /// <summary>Replaces the content; in turn only. After an error the old content stands.</summary>
    /// <exception cref="SpikeformerException">The file system refuses, for example for lack of space.</exception>
    public void Replace(byte[] content) => AtomicFile.WriteAllBytes(Path, content);

    /// <summary>Removes the file; in turn only.</summary>
    /// <exception cref="SpikeformerException">The file system refuses.</exception>
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

    /// <summary>Removes what killed writers of this file left behind; in turn only, since a live writer has such a file too.</summary>
    /// <exception cref="SpikeformerException">The file system refuses.</exception>
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
            throw StorageErrors.Explain(error, $"Cannot remove what a killed writer of {Path} left behind");
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
                        "Continue or end that process: it may be stopped");
                await Task.Delay(s_pause, time).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot lock {lockFile}");
        }
    }
}
