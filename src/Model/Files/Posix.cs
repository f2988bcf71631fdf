using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Spikeformer.Files;

/// <summary>Linux system calls without a .NET method.</summary>
internal static partial class Posix
{
    public const int EINTR = 4, EAGAIN = 11, EACCES = 13, EXDEV = 18, ENOSPC = 28, EROFS = 30, EDQUOT = 122;

    private const int O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0x40, O_APPEND = 0x400, O_DIRECTORY = 0x10000, O_CLOEXEC = 0x80000;
    private const int LockShared = 1, LockExclusive = 2, LockNonBlocking = 4;
    private const int AdviceDontNeed = 4;

    /// <summary>Makes the entries of a directory (creations, renames, removals) survive a power cut.</summary>
    /// <exception cref="IOException">The directory cannot be opened or written.</exception>
    public static void SyncDirectory(string path)
    {
        using SafeFileHandle directory = Open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        while (fsync(directory) != 0)
            if (Marshal.GetLastPInvokeError() != EINTR) throw LastError(path);
    }

    /// <summary>Opens a lock file, creating it if necessary. Child processes do not inherit the handle, so a lock dies with its owner.</summary>
    public static SafeFileHandle OpenLockFile(string path) => Open(path, O_RDWR | O_CREAT | O_CLOEXEC);

    /// <summary>Takes the exclusive flock(2) of an open file without waiting. Returns false if another process has it.</summary>
    /// <exception cref="IOException">The file system does not support locks.</exception>
    public static bool TryLock(SafeFileHandle file, string path)
    {
        while (flock(file, LockExclusive | LockNonBlocking) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error == EAGAIN) return false;
            if (error != EINTR) throw LastError(path);
        }
        return true;
    }

    /// <summary>Waits until no process has the exclusive lock of a file, without keeping a lock.</summary>
    /// <exception cref="IOException">The file cannot be opened, or the file system does not support locks.</exception>
    public static void AwaitUnlocked(string path)
    {
        using SafeFileHandle file = OpenLockFile(path);
        while (flock(file, LockShared) != 0)
            if (Marshal.GetLastPInvokeError() != EINTR) throw LastError(path);
    }

    /// <summary>Whether a process has the exclusive lock of a file.</summary>
    /// <exception cref="IOException">The file cannot be opened, or the file system does not support locks.</exception>
    public static bool IsLocked(string path)
    {
        using SafeFileHandle file = OpenLockFile(path);
        while (flock(file, LockShared | LockNonBlocking) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error == EAGAIN) return true;
            if (error != EINTR) throw LastError(path);
        }
        return false;
    }

    /// <summary>Renames a file atomically. Returns false if the new name is on another file system.</summary>
    /// <exception cref="IOException">The rename failed for another reason.</exception>
    public static bool TryRename(string from, string to)
    {
        if (rename(from, to) == 0) return true;
        return Marshal.GetLastPInvokeError() == EXDEV ? false : throw LastError(from);
    }

    /// <summary>Asks the system to drop its cached pages of a file, so that the next read comes from the device. This is only a hint.</summary>
    public static void DropCache(SafeFileHandle file) => _ = posix_fadvise(file, 0, 0, AdviceDontNeed);

    /// <summary>Appends standard output and standard error of this process, including native libraries, to a file.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static void LogTo(string path)
    {
        using SafeFileHandle file = Open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC);
        foreach (int descriptor in (int[])[1, 2])
            if (dup2((int)file.DangerousGetHandle(), descriptor) < 0) throw LastError(path);
        // .NET's console writers would keep using the old files.
        Console.SetOut(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });
        Console.SetError(new StreamWriter(Console.OpenStandardError()) { AutoFlush = true });
    }

    /// <summary>Sets the nice value of this process, so that it yields to other processes.</summary>
    public static void BeNice(int value) => _ = setpriority(which: 0, 0, value);

    /// <summary>Sends a signal to this process.</summary>
    public static void SignalSelf(int signal) => _ = kill(Environment.ProcessId, signal);

    private static SafeFileHandle Open(string path, int flags)
    {
        int descriptor;
        while ((descriptor = open(path, flags, 0b110_100_100)) < 0)
            if (Marshal.GetLastPInvokeError() != EINTR) throw LastError(path);
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static IOException LastError(string path)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"{Marshal.GetPInvokeErrorMessage(error)} : '{path}'", error);
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle file, int operation);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int dup2(int from, int to);

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);

    [LibraryImport("libc")]
    private static partial int setpriority(int which, int who, int value);

    [LibraryImport("libc")]
    private static partial int posix_fadvise(SafeFileHandle file, long offset, long length, int advice);
}
