using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Spikeformer.Files;

/// <summary>Who has a lock, as far as its file says.</summary>
/// <param name="Process">The process id; null where that could not be written.</param>
/// <param name="Purpose">What the owner said that it has the lock for; empty when it said nothing.</param>
internal readonly record struct LockOwner(int? Process, string Purpose)
{
    /// <summary><c>process 123</c>.</summary>
    public override string ToString() => Process is { } id ? $"process {id}" : "another process";
}

/// <summary>An exclusive flock(2) on a file that holds its owner's process id. The system releases it when the owner dies, however it dies.
/// The file itself stays: removing it would let two owners lock two files of one name.</summary>
internal sealed class FileLock : IDisposable
{
    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file) => _file = file;

    /// <summary>Takes the lock without waiting, making the file when needed.</summary>
    /// <param name="path">The lock file; its directory must exist.</param>
    /// <param name="owner">Who has it, <c>process 123</c>, when the result is null.</param>
    /// <returns>The lock, or null when another has it.</returns>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static FileLock? TryAcquire(string path, out string owner)
    {
        FileLock? held = TryAcquire(path, "", out LockOwner other);
        owner = held is null ? other.ToString() : "";
        return held;
    }

    /// <summary>The same for a purpose, which others can read.</summary>
    /// <param name="path">The lock file; its directory must exist.</param>
    /// <param name="purpose">A word of at most 64 ASCII characters.</param>
    /// <param name="owner">Who has it, when the result is null.</param>
    /// <returns>The lock, or null when another has it.</returns>
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

    /// <summary>Takes the lock, waiting for a while where another has it: one that ends, or one that only looks.</summary>
    /// <param name="path">The lock file; its directory must exist.</param>
    /// <param name="patience">How long.</param>
    /// <param name="owner">Who has it, when the result is null.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static FileLock? TryAcquire(string path, TimeSpan patience, out string owner)
    {
        long began = TimeProvider.System.GetTimestamp();
        FileLock? held;
        while ((held = TryAcquire(path, out owner)) is null && TimeProvider.System.GetElapsedTime(began) < patience) Thread.Sleep(20);
        return held;
    }

    /// <summary>The process that has a lock, or null when nobody has it.</summary>
    /// <param name="path">The lock file; made when needed.</param>
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

    // A full disk must not keep anyone from the lock.
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
