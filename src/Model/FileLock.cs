using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Spikeformer;

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
        SafeFileHandle file = Posix.OpenLockFile(path);
        try
        {
            if (Posix.TryLock(file, path))
            {
                WriteOwner(file);
                owner = "";
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
        long began = Stopwatch.GetTimestamp();
        FileLock? held;
        while ((held = TryAcquire(path, out owner)) is null && Stopwatch.GetElapsedTime(began) < patience) Thread.Sleep(20);
        return held;
    }

    /// <summary>The process that has a lock, or null when nobody has it.</summary>
    /// <param name="path">The lock file; made when needed.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static int? OwnerOf(string path)
    {
        using SafeFileHandle file = Posix.OpenLockFile(path);
        return Posix.IsLocked(path) ? ReadProcess(file) : null;
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose()
    {
        if (_file.IsClosed) return;
        RandomAccess.SetLength(_file, 0);
        _file.Dispose();
    }

    // The id is for messages only, so a full disk must not keep anyone from the lock.
    private static void WriteOwner(SafeFileHandle file)
    {
        try
        {
            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n"), 0);
        }
        catch (IOException)
        {
        }
    }

    private static string ReadOwner(SafeFileHandle file) => ReadProcess(file) is { } process ? $"process {process}" : "another process";

    private static int? ReadProcess(SafeFileHandle file)
    {
        Span<byte> text = stackalloc byte[32];
        int length = RandomAccess.Read(file, text, 0);
        return int.TryParse(text[..length].TrimEnd((byte)'\n'), CultureInfo.InvariantCulture, out int process) ? process : null;
    }
}
