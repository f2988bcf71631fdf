using System.Net.Sockets;
using System.Runtime.InteropServices;
using Spikeformer.Collectives.Frames;

namespace Spikeformer.Collectives.Links;

/// <summary>
/// A connection for the small messages of a pair, all of them headers without payload. A group uses one beside its data for doorbells, signs of
/// life and the reason of an abort: if it ends without a goodbye, the peer has died. Heartbeats use a second one.
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

    /// <summary>Sends a frame; from any thread. A full or broken connection loses it, which does no harm: each message is repeated, or the end of
    /// the connection says the same.</summary>
    public void Send(FrameKind kind, uint part = 0, ulong value = 0, long step = 0)
    {
        FrameHeader header = _own.With(kind, step, part, value: value);
        header.SetChecksum();
        Native.Piece piece = new() { Start = &header, Length = FrameHeader.Bytes };
        Native.Message message = new() { Pieces = &piece, PieceCount = 1 };
        lock (_sending)
        {
            if (_isDisposed) return; // the descriptor may have been reused
            nint sent = Native.sendmsg(_descriptor, &message, Native.DontWait | Native.NoSignal);
            if (sent is > 0 and < FrameHeader.Bytes) Native.Shutdown(_descriptor); // the peer would lose the frame boundaries
        }
    }

    /// <summary>Reads the next frame; returns false if none has arrived.</summary>
    /// <exception cref="LinkException">The connection ended, or the frame is not from the peer.</exception>
    public bool TryRead(out FrameHeader frame)
    {
        frame = default;
        while (_received < FrameHeader.Bytes)
        {
            Native.Piece piece = new() { Start = (byte*)_incoming + _received, Length = FrameHeader.Bytes - _received };
            Native.Message message = new() { Pieces = &piece, PieceCount = 1 };
            long count = Native.Move(_descriptor, &message, isSend: false);
            if (count < 0) return false;
            _received += (int)count;
        }
        frame = *_incoming;
        _received = 0;
        if (frame.SenderDifferenceFrom(_peer) is { } cause) throw new LinkException(PeerLossReason.WrongFrame, $"sent a control frame that was refused ({cause})", cause);
        return true;
    }

    /// <summary>Waits until one of the channels may have a frame to read.</summary>
    public static void WaitForAny(IEnumerable<ControlChannel> channels, TimeSpan limit)
    {
        Native.PollEntry* entries = stackalloc Native.PollEntry[GroupPlan.MaxMembers];
        nuint count = 0;
        foreach (ControlChannel channel in channels) entries[count++] = new() { Descriptor = channel._descriptor, Wanted = Native.PollIn };
        Native.poll(entries, count, (int)limit.TotalMilliseconds);
    }

    /// <summary>Ends the connection in both directions at once; from any thread.</summary>
    public void Shutdown() => Native.Shutdown(_descriptor);

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
