using System.IO.Hashing;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Spikeformer.Collectives.Frames;

namespace Spikeformer.Collectives.Links;

/// <summary>A link over a TCP connection. Non-blocking calls move bytes between the kernel and the caller's memory without a buffer in between.</summary>
internal sealed unsafe class TcpLink : Link
{
    private readonly Socket _socket;
    private readonly int _descriptor;
    private readonly bool _hashes;
    private readonly FrameHeader* _outgoing, _incoming;
    private long _sent, _received;
    private bool _checked;

    /// <param name="socket">A connected socket. The link owns it.</param>
    /// <param name="hashes">Whether payloads carry a hash.</param>
    public TcpLink(Socket socket, bool hashes)
    {
        (_socket, _hashes) = (socket, hashes);
        _descriptor = (int)socket.Handle;
        _outgoing = (FrameHeader*)NativeMemory.AlignedAlloc(2 * FrameHeader.Bytes, 64);
        _incoming = _outgoing + 1;
    }

    public override int PollDescriptor => _descriptor;

    public override void Shutdown() => Native.Shutdown(_descriptor);

    public override bool TrySend(in FrameHeader header, byte* payload)
    {
        if (_sent == 0)
        {
            *_outgoing = header;
            if (_hashes && header.Length > 0) _outgoing->Value = Hash(payload, header.Length);
            _outgoing->SetChecksum();
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
            // Header and payload in one call: the length is the plan's, so an unexpected frame can only overwrite the expected payload's memory.
            long moved = Move(_incoming, payload, _received, total, isSend: false);
            if (moved < 0) return false;
            _received += moved;
            BytesReceived += moved;
        }
        if (_hashes && due.Length > 0 && Hash(payload, due.Length) != _incoming->Value)
            throw new LinkException(PeerLossReason.WrongFrame, $"sent a damaged payload ({due.Kind} of step {due.Step})", RejectionCause.DamagedPayload);
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
        if (header.SenderDifferenceFrom(sender) is { } cause) throw new LinkException(PeerLossReason.WrongFrame, $"sent a frame that was refused ({cause})", cause);
        return true;
    }

    public override void Dispose()
    {
        _socket.Dispose();
        NativeMemory.AlignedFree(_outgoing);
    }

    private long Move(FrameHeader* header, byte* payload, long done, long total, bool isSend)
    {
        Native.Piece* pieces = stackalloc Native.Piece[2];
        int count = 0;
        if (done < FrameHeader.Bytes) pieces[count++] = new() { Start = (byte*)header + done, Length = (nint)(FrameHeader.Bytes - done) };
        long payloadDone = Math.Max(0, done - FrameHeader.Bytes), payloadLength = total - FrameHeader.Bytes;
        if (payloadDone < payloadLength) pieces[count++] = new() { Start = payload + payloadDone, Length = (nint)(payloadLength - payloadDone) };
        Native.Message message = new() { Pieces = pieces, PieceCount = count };
        return Native.Move(_descriptor, &message, isSend);
    }

    private static ulong Hash(byte* payload, uint length) => XxHash3.HashToUInt64(new ReadOnlySpan<byte>(payload, (int)length));
}
