using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Spikeformer.Files;

/// <summary>The owner of a lock, as recorded in the lock file.</summary>
/// <param name="Process">The process id; null if the owner could not record it.</param>
/// <param name="Purpose">The purpose that the owner recorded; empty if it recorded none.</param>
internal readonly record struct LockOwner(int? Process, string Purpose)
{
    /// <summary><c>process 123</c>.</summary>
    public override string ToString() => Process is { } id ? $"process {id}" : "another process";
}

/// <summary>An exclusive flock(2) on a file that records the owner's process id. The system releases the lock when the owner dies, for any
/// reason. The file stays: deleting it would let two processes lock two different files with the same name.</summary>
internal sealed class FileLock : IDisposable
{
    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file) => _file = file;

    /// <summary>Tries to take the lock without waiting. Creates the file if necessary.</summary>
    /// <param name="path">The lock file; its directory must exist.</param>
    /// <param name="owner">The current owner, for example <c>process 123</c>, if the result is null.</param>
    /// <returns>The lock, or null if another process has it.</returns>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static FileLock? TryAcquire(string path, out string owner)
    {
        FileLock? held = TryAcquire(path, "", out LockOwner other);
        owner = held is null ? other.ToString() : "";
        return held;
    }

    /// <summary>Tries to take the lock without waiting, and records a purpose that other processes can read.</summary>
    /// <param name="path">The lock file; its directory must exist.</param>
    /// <param name="purpose">A word of at most 64 ASCII characters.</param>
    /// <param name="owner">The current owner, if the result is null.</param>
    /// <returns>The lock, or null if another process has it.</returns>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static FileLock? TryAcquire(string path, string purpose, out LockOwner owner)
    {
        SafeFileHandle file = Posix.OpenLockFile(path);
        try
        {
            if (Posix.TryLock(file, path))
            {
                WriteOwner(file, purpose);
                owner = default;
                return new(file);
            }
            owner = ReadOwner(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
        file.Dispose();
        return null;
    }

    /// <summary>Tries to take the lock for a while. The owner may be about to end, or may only be checking the lock.</summary>
    /// <param name="path">The lock file; its directory must exist.</param>
    /// <param name="patience">How long to try.</param>
    /// <param name="owner">The current owner, if the result is null.</param>
    /// <returns>The lock, or null if another process still has it.</returns>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static FileLock? TryAcquire(string path, TimeSpan patience, out string owner)
    {
        long began = TimeProvider.System.GetTimestamp();
        FileLock? held;
        while ((held = TryAcquire(path, out owner)) is null && TimeProvider.System.GetElapsedTime(began) < patience) Thread.Sleep(20);
        return held;
    }

    /// <summary>Returns the id of the process that has a lock, or null if the lock is free.</summary>
    /// <param name="path">The lock file; created if necessary.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static int? OwnerOf(string path)
    {
        using SafeFileHandle file = Posix.OpenLockFile(path);
        return Posix.IsLocked(path) ? ReadOwner(file).Process : null;
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose()
    {
        if (_file.IsClosed) return;
        RandomAccess.SetLength(_file, 0);
        _file.Dispose();
    }

    // A full disk must not prevent taking the lock.
    private static void WriteOwner(SafeFileHandle file, string purpose)
    {
        try
        {
            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n{purpose}")), 0);
        }
        catch (IOException)
        {
        }
    }

    private static LockOwner ReadOwner(SafeFileHandle file)
    {
        Span<byte> bytes = stackalloc byte[96];
        string[] lines = Encoding.ASCII.GetString(bytes[..RandomAccess.Read(file, bytes, 0)]).Split('\n');
        return new(int.TryParse(lines[0], CultureInfo.InvariantCulture, out int process) ? process : null, lines.ElementAtOrDefault(1) ?? "");
    }
}
