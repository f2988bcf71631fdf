using System.Runtime.InteropServices;

namespace Spikeformer.Collectives.Links;

/// <summary>System calls on descriptors and native memory; .NET's sockets want managed buffers and wake a thread of their own.</summary>
internal static unsafe partial class Native
{
    public const int DontWait = 0x40, NoSignal = 0x4000;
    public const short PollIn = 1, PollOut = 4;

    private const int FutexWait = 0, FutexWake = 1;

    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int Descriptor;
        public short Wanted, Happened;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Piece
    {
        public void* Start;
        public nint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Message
    {
        public void* Name;
        public uint NameLength;
        public Piece* Pieces;
        public nint PieceCount;
        public void* Control;
        public nint ControlLength;
        public int Flags;
    }

    [LibraryImport("libc", SetLastError = true)]
    public static partial int poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sendmsg(int descriptor, Message* message, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recvmsg(int descriptor, Message* message, int flags);

    [LibraryImport("libc")]
    public static partial int shutdown(int descriptor, int how);

    /// <summary>Sleeps while a word of shared memory has a value, until woken or the time is over.</summary>
    public static void SleepWhile(int* word, int value, TimeSpan time)
    {
        Timespan limit = new() { Seconds = (long)time.TotalSeconds, Nanoseconds = time.Ticks % TimeSpan.TicksPerSecond * 100 };
        syscall(FutexCall, word, FutexWait, value, &limit, null, 0);
    }

    /// <summary>Wakes whoever sleeps on a word.</summary>
    public static void Wake(int* word) => syscall(FutexCall, word, FutexWake, int.MaxValue, null, null, 0);

    private static nint FutexCall { get; } = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        Architecture.Arm64 => 98,
        var other => throw new PlatformNotSupportedException($"The futex call's number on {other} is not known here."),
    };

    [LibraryImport("libc")]
    private static partial nint syscall(nint number, int* word, nint operation, nint value, Timespan* time, void* word2, nint value3);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespan
    {
        public long Seconds, Nanoseconds;
    }
}
