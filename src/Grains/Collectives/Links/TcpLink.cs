using System.IO.Hashing;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Plan;
using Spikeformer.Files;

namespace Spikeformer.Collectives.Links;

/// <summary>Frames over a TCP connection: non-blocking calls between the kernel and the caller's memory, nothing in between.</summary>
internal sealed unsafe class TcpLink : Link
{
    private readonly Socket _socket;
    private readonly int _descriptor;
    private readonly bool _hashes;
    private readonly FrameHeader* _outgoing, _incoming;
    private long _sent, _received;
    private bool _checked;

    /// <param name="socket">Connected; the link owns it from here on.</param>
    /// <param name="hashes">Whether payloads carry a hash.</param>
    public TcpLink(Socket socket, bool hashes)
    {
        (_socket, _hashes) = (socket, hashes);
        _descriptor = (int)socket.Handle;
        _outgoing = (FrameHeader*)NativeMemory.AlignedAlloc(2 * FrameHeader.Bytes, 64);
        _incoming = _outgoing + 1;
    }

    public override int PollDescriptor => _descriptor;

    public override void Shutdown() => Native.shutdown(_descriptor, 2);

    public override bool TrySend(in FrameHeader header, byte* payload)
    {
        if (_sent == 0)
        {
            *_outgoing = header;
            if (_hashes && header.Length > 0) _outgoing->Value = Hash(payload, header.Length);
            _outgoing->Seal();
        }
        long total = FrameHeader.Bytes + (long)header.Length;
        while (_sent < total)
        {
            long moved = Move(_outgoing, payload, _sent, total, isSend: true);
            if (moved < 0) return false;
            _sent += moved;
        }
        _sent = 0;
        return true;
    }

    public override bool TryReceive(in FrameHeader due, byte* payload)
    {
        long total = FrameHeader.Bytes + (long)due.Length;
        while (true)
        {
            if (!_checked && _received >= FrameHeader.Bytes)
            {
                Check(due, *_incoming);
                _checked = true;
            }
            if (_received == total) break;
            // Header and payload in one call: the length is the plan's, so a frame that is not the due one can at worst spoil its place.
            long moved = Move(_incoming, payload, _received, total, isSend: false);
            if (moved < 0) return false;
            _received += moved;
            BytesReceived += moved;
        }
        if (_hashes && due.Length > 0 && Hash(payload, due.Length) != _incoming->Value)
            throw new LinkException(PeerLossReason.WrongFrame, $"sent a damaged payload in {due.Kind} of step {due.Step}", RejectionCause.DamagedPayload);
        (_received, _checked) = (0, false);
        return true;
    }

    public override bool TryPeek(in FrameHeader sender, out FrameHeader header)
    {
        header = default;
        while (_received < FrameHeader.Bytes)
        {
            long moved = Move(_incoming, null, _received, FrameHeader.Bytes, isSend: false);
            if (moved < 0) return false;
            _received += moved;
            BytesReceived += moved;
        }
        header = *_incoming;
        if (header.StrangerTo(sender) is { } cause) throw new LinkException(PeerLossReason.WrongFrame, $"sent a frame that is refused ({cause})", cause);
        return true;
    }

    public override void Dispose()
    {
        _socket.Dispose();
        NativeMemory.AlignedFree(_outgoing);
    }

    /// <returns>Bytes moved, or -1 when none can be now.</returns>
    private long Move(FrameHeader* header, byte* payload, long done, long total, bool isSend)
    {
        Native.Piece* pieces = stackalloc Native.Piece[2];
        int count = 0;
        if (done < FrameHeader.Bytes) pieces[count++] = new() { Start = (byte*)header + done, Length = (nint)(FrameHeader.Bytes - done) };
        long payloadDone = Math.Max(0, done - FrameHeader.Bytes), payloadLength = total - FrameHeader.Bytes;
        if (payloadDone < payloadLength) pieces[count++] = new() { Start = payload + payloadDone, Length = (nint)(payloadLength - payloadDone) };
        Native.Message message = new() { Pieces = pieces, PieceCount = count };
        while (true)
        {
            nint moved = isSend ? Native.sendmsg(_descriptor, &message, Native.DontWait | Native.NoSignal) : Native.recvmsg(_descriptor, &message, Native.DontWait);
            if (moved > 0) return moved;
            if (moved == 0) throw new LinkException(PeerLossReason.Closed, "closed its connection");
            int error = Marshal.GetLastPInvokeError();
            if (error == Posix.EAGAIN) return -1;
            if (error != Posix.EINTR) throw new LinkException(PeerLossReason.Closed, $"lost its connection: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    private static ulong Hash(byte* payload, uint length) => XxHash3.HashToUInt64(new ReadOnlySpan<byte>(payload, (int)length));
}
