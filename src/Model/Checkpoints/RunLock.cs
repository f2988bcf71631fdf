namespace Spikeformer.Checkpoints;

/// <summary>Ownership of a run directory: one process at a time may train into it. Ends with <see cref="Dispose"/> or with the process,
/// however it ends.</summary>
public sealed class RunLock : IDisposable
{
    /// <summary>Name of the lock file in the run directory; holds the owner's process id.</summary>
    public const string FileName = "run.lock";

    private readonly FileLock _lock;

    private RunLock(FileLock held) => _lock = held;

    /// <summary>Takes ownership, making the directory when needed.</summary>
    /// <param name="runDirectory">The run directory.</param>
    /// <exception cref="SpikeformerException">Another process owns it (Conflict, with its id), or it cannot be written (Usage).</exception>
    public static RunLock Acquire(string runDirectory)
    {
        try
        {
            AtomicFile.CreateDirectoryOrThrow(runDirectory);
            if (FileLock.TryAcquire(Path.Combine(runDirectory, FileName), out string owner) is { } held) return new(held);
            throw new SpikeformerException(ErrorKind.Conflict, $"The run directory {runDirectory} is in use by {owner}",
                "Wait for it, stop it, or choose another --out");
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot lock the run directory {runDirectory}");
        }
    }

    /// <summary>Whether some process owns a run directory now.</summary>
    /// <param name="runDirectory">The run directory; it need not exist.</param>
    public static bool IsHeld(string runDirectory)
    {
        string path = Path.Combine(runDirectory, FileName);
        if (!File.Exists(path)) return false;
        using FileLock? held = FileLock.TryAcquire(path, out _);
        return held is null;
    }

    /// <summary>Gives the directory up.</summary>
    public void Dispose() => _lock.Dispose();
}
