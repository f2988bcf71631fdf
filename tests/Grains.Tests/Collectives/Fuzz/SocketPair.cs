using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Spikeformer.Grains.Tests.Collectives.Fuzz;

/// <summary>Two connected sockets without a network between them. They are created in microseconds and leave no port in a wait state.</summary>
internal sealed unsafe partial class SocketPair : IDisposable
{
    private const int Unix = 1, Stream = 1, CloseOnExec = 0x80000;

    public SocketPair()
    {
        int* ends = stackalloc int[2];
        if (socketpair(Unix, Stream | CloseOnExec, 0, ends) != 0) throw new SocketException(Marshal.GetLastPInvokeError());
        (Near, Far) = (new(new SafeSocketHandle(ends[0], ownsHandle: true)), new(new SafeSocketHandle(ends[1], ownsHandle: true)));
    }

    public Socket Near { get; }
    public Socket Far { get; }

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socketpair(int domain, int type, int protocol, int* ends);
}
