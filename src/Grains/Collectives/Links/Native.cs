using System.Runtime.InteropServices;
using Spikeformer.Files;

namespace Spikeformer.Collectives.Links;

/// <summary>System calls on descriptors and native memory. .NET's sockets need managed buffers and wake a separate thread.</summary>
internal static unsafe partial class Native
{
    public const int DontWait = 0x40, NoSignal = 0x4000;
    public const short PollIn = 1, PollOut = 4;

    private const int BothDirections = 2, FutexWait = 0, FutexWake = 1;

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
    private static partial nint recvmsg(int descriptor, Message* message, int flags);

    [LibraryImport("libc")]
    private static partial int shutdown(int descriptor, int how);

    /// <summary>Ends a connection in both directions, without closing the descriptor.</summary>
    public static void Shutdown(int descriptor) => shutdown(descriptor, BothDirections);

    /// <summary>Sends or receives as many bytes as can be moved without waiting.</summary>
    /// <returns>The number of bytes moved, or -1 if none can be moved now.</returns>
    /// <exception cref="LinkException">The connection has ended.</exception>
    public static long Move(int descriptor, Message* message, bool isSend)
    {
        while (true)
        {
            nint moved = isSend ? sendmsg(descriptor, message, DontWait | NoSignal) : recvmsg(descriptor, message, DontWait);
            if (moved > 0) return moved;
            if (moved == 0) throw new LinkException(PeerLossReason.Closed, "closed its connection");
            int error = Marshal.GetLastPInvokeError();
            if (error == Posix.EAGAIN) return -1;
            if (error != Posix.EINTR) throw new LinkException(PeerLossReason.Closed, $"lost its connection: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    /// <summary>Sleeps while a word of shared memory has the given value, until woken or until the time has passed.</summary>
    public static void SleepWhile(int* word, int value, TimeSpan time)
    {
        Timespan limit = new() { Seconds = (long)time.TotalSeconds, Nanoseconds = time.Ticks % TimeSpan.TicksPerSecond * 100 };
        syscall(FutexCall, word, FutexWait, value, &limit, null, 0);
    }

    /// <summary>Wakes all sleepers on a word.</summary>
    public static void Wake(int* word) => syscall(FutexCall, word, FutexWake, int.MaxValue, null, null, 0);

    private static nint FutexCall { get; } = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        Architecture.Arm64 => 98,
        var other => throw new PlatformNotSupportedException($"The number of the futex system call on {other} is unknown."),
    };

    [LibraryImport("libc")]
    private static partial nint syscall(nint number, int* word, nint operation, nint value, Timespan* time, void* word2, nint value3);

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespan
    {
        public long Seconds, Nanoseconds;
    }
}
