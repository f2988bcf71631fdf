namespace Spikeformer.Checkpoints;

/// <summary>The owner of a run directory.</summary>
/// <param name="Process">The process, for messages: <c>process 123</c>.</param>
/// <param name="Start">The start of the run that it serves; empty if unknown.</param>
public readonly record struct DirectoryOwner(string Process, Guid Start);

/// <summary>Ownership of a run directory, into which only one process at a time may train. It ends with <see cref="Dispose"/> or with the
/// process, even if that is killed.</summary>
public sealed class RunLock : IDisposable
{
    /// <summary>The name of the lock file in the run directory. It contains the owner's process id and the start of the run that it serves.</summary>
    public const string FileName = "run.lock";

    private const int MostTries = 10;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly FileLock _lock;

    private RunLock(FileLock held) => _lock = held;

    /// <summary>Takes ownership, and creates the directory if needed.</summary>
    /// <param name="runDirectory">The run directory.</param>
    /// <exception cref="SpikeformerException">Another process owns the directory (Conflict, with its id), or it cannot be written (Usage).</exception>
    public static RunLock Acquire(string runDirectory) => TryAcquire(runDirectory, Guid.Empty, out DirectoryOwner owner) ?? throw InUse(runDirectory, owner);

    /// <summary>Takes ownership for a start of the run, and creates the directory if needed. Returns null if another process owns it.</summary>
    /// <param name="runDirectory">The run directory.</param>
    /// <param name="start">The start of the run that the owner serves.</param>
    /// <param name="owner">The owner, if the result is null.</param>
    /// <exception cref="SpikeformerException">The directory cannot be written (Usage).</exception>
    public static RunLock? TryAcquire(string runDirectory, Guid start, out DirectoryOwner owner)
    {
        try
        {
            AtomicFile.CreateDirectoryOrThrow(runDirectory);
            FileLock? held;
            LockOwner other;
            // An owner without a name has just taken the lock, or is about to release it.
            for (int tries = 1; (held = FileLock.TryAcquire(Path.Combine(runDirectory, FileName), $"{start:N}", out other)) is null && other.Process is null && tries < MostTries; tries++)
                Thread.Sleep(Pause);
            owner = new(other.ToString(), Guid.TryParseExact(other.Purpose, "N", out Guid others) ? others : Guid.Empty);
            return held is null ? null : new(held);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot lock the run directory {runDirectory}");
        }
    }

    /// <summary>Creates the error that another process owns a run directory.</summary>
    internal static SpikeformerException InUse(string runDirectory, DirectoryOwner owner) =>
        new(ErrorKind.Conflict, $"The run directory {runDirectory} is in use by {owner.Process}", "Wait for it, stop it, or choose another --out");

    /// <summary>Returns whether a process owns a run directory now.</summary>
    /// <param name="runDirectory">The run directory; it need not exist.</param>
    public static bool IsHeld(string runDirectory)
    {
        string path = Path.Combine(runDirectory, FileName);
        if (!File.Exists(path)) return false;
        using FileLock? held = FileLock.TryAcquire(path, out _);
        return held is null;
    }

    /// <summary>Ends the ownership.</summary>
    public void Dispose() => _lock.Dispose();
}
