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
    public static RunLock Acquire(string runDirectory) => TryAcquire(runDirectory, out string owner)
        ?? throw new SpikeformerException(ErrorKind.Conflict, $"The run directory {runDirectory} is in use by {owner}", "Wait for it, stop it, or choose another --out");

    /// <summary>The same, but null when another process owns it.</summary>
    /// <param name="runDirectory">The run directory.</param>
    /// <param name="owner">Who owns it, <c>process 123</c>, when the result is null.</param>
    /// <exception cref="SpikeformerException">It cannot be written (Usage).</exception>
    public static RunLock? TryAcquire(string runDirectory, out string owner)
    {
        try
        {
            AtomicFile.CreateDirectoryOrThrow(runDirectory);
            return FileLock.TryAcquire(Path.Combine(runDirectory, FileName), out owner) is { } held ? new(held) : null;
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
