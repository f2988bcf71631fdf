using System.Net.Sockets;
using System.Runtime.InteropServices;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Plan;
using Spikeformer.Files;

namespace Spikeformer.Collectives.Links;

/// <summary>
/// A connection for small messages of a pair, all of them bare headers: beside the data it carries doorbells, signs of life and the reason of an
/// abort, and its end without a goodbye is the peer's death notice; heartbeats have another one of their own.
/// </summary>
internal sealed unsafe class ControlChannel : IDisposable
{
    private readonly Socket _socket;
    private readonly int _descriptor;
    private readonly FrameHeader _own, _peer;
    private readonly Lock _sending = new();
    private readonly FrameHeader* _incoming;
    private int _received;
    private bool _isDisposed;

    public ControlChannel(Socket socket, FrameHeader own, FrameHeader peer)
    {
        (_socket, _own, _peer) = (socket, own, peer);
        _descriptor = (int)socket.Handle;
        _incoming = (FrameHeader*)NativeMemory.AlignedAlloc(FrameHeader.Bytes, 64);
    }

    public int PollDescriptor => _descriptor;

    /// <summary>Sends a frame; from any thread. A full or broken connection swallows it: each message is repeated or replaced by the end of
    /// the connection.</summary>
    public void Send(FrameKind kind, uint part = 0, ulong value = 0, long step = 0)
    {
        FrameHeader header = _own.With(kind, step, part, value: value);
        header.Seal();
        Native.Piece piece = new() { Start = &header, Length = FrameHeader.Bytes };
        Native.Message message = new() { Pieces = &piece, PieceCount = 1 };
        lock (_sending)
        {
            if (_isDisposed) return; // the number may be another descriptor's by now
            nint sent = Native.sendmsg(_descriptor, &message, Native.DontWait | Native.NoSignal);
            if (sent is > 0 and < FrameHeader.Bytes) Native.shutdown(_descriptor, 2); // the peer would lose the frame boundaries
        }
    }

    /// <summary>The next frame, or false when none has come.</summary>
    /// <exception cref="LinkException">The connection ended, or a stranger's frame came.</exception>
    public bool TryRead(out FrameHeader frame)
    {
        frame = default;
        while (_received < FrameHeader.Bytes)
        {
            Native.Piece piece = new() { Start = (byte*)_incoming + _received, Length = FrameHeader.Bytes - _received };
            Native.Message message = new() { Pieces = &piece, PieceCount = 1 };
            nint count = Native.recvmsg(_descriptor, &message, Native.DontWait);
            if (count == 0) throw new LinkException(PeerLossReason.Closed, "closed its connection");
            if (count < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error == Posix.EAGAIN) return false;
                if (error != Posix.EINTR) throw new LinkException(PeerLossReason.Closed, $"lost its connection: {Marshal.GetPInvokeErrorMessage(error)}");
                continue;
            }
            _received += (int)count;
        }
        frame = *_incoming;
        _received = 0;
        if (frame.StrangerTo(_peer) is { } cause) throw new LinkException(PeerLossReason.WrongFrame, $"sent a control frame that is refused ({cause})", cause);
        return true;
    }

    /// <summary>Waits until one of some connections may have something to read.</summary>
    public static void WaitForAny(IEnumerable<ControlChannel> channels, TimeSpan limit)
    {
        Native.PollEntry* entries = stackalloc Native.PollEntry[GroupPlan.MaxMembers];
        nuint count = 0;
        foreach (ControlChannel channel in channels) entries[count++] = new() { Descriptor = channel._descriptor, Wanted = Native.PollIn };
        Native.poll(entries, count, (int)limit.TotalMilliseconds);
    }

    /// <summary>Ends the connection both ways at once; from any thread.</summary>
    public void Shutdown() => Native.shutdown(_descriptor, 2);

    public void Dispose()
    {
        lock (_sending)
        {
            if (_isDisposed) return;
            _isDisposed = true;
            _socket.Dispose();
        }
        NativeMemory.AlignedFree(_incoming);
    }
}
