using System.Runtime.InteropServices;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;

namespace Spikeformer.Collectives.Transfers;

/// <summary>Every member sends one message to all others. All lengths are known beforehand. A long message is sent in several frames.</summary>
internal sealed unsafe class ExchangeTransfer : ITransfer, IDisposable
{
    private readonly FrameHeader _own;
    private readonly int _ownRank, _frameBytes;
    private readonly byte*[] _messages;
    private readonly long[] _capacities, _lengths;
    private FrameKind _kind;
    private long _step;
    private uint _part;
    private int _unfinished;

    public ExchangeTransfer(GroupPlan plan)
    {
        (_own, _ownRank, _frameBytes) = (FrameHeader.Of(plan, plan.OwnRank), plan.OwnRank, plan.BlockBytes);
        _messages = new byte*[plan.WorldSize];
        (_capacities, _lengths) = (new long[plan.WorldSize], new long[plan.WorldSize]);
    }

    /// <summary>A rank's message. Write the own one before the exchange and read the others after it.</summary>
    public byte* this[int rank] => _messages[rank];

    /// <summary>Makes room for a rank's message. The previous content is lost.</summary>
    public void Reserve(int rank, long length)
    {
        _lengths[rank] = length;
        if (length > _capacities[rank])
        {
            NativeMemory.AlignedFree(_messages[rank]);
            _messages[rank] = (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);
            _capacities[rank] = length;
        }
    }

    public void Begin(FrameKind kind, long step, uint part, IReadOnlyList<Peer> peers)
    {
        (_kind, _step, _part, _unfinished) = (kind, step, part, 2 * peers.Count);
        foreach (Peer peer in peers) (peer.Sent, peer.Received) = (0, 0);
    }

    public bool IsDone => _unfinished == 0;

    public bool Settle() => false;

    public bool Advance(Peer peer)
    {
        bool moved = false;
        long left = _lengths[_ownRank] - peer.Sent;
        peer.AwaitsSend = left > 0;
        if (left > 0)
        {
            uint length = (uint)Math.Min(_frameBytes, left);
            if (peer.Link.TrySend(_own.With(_kind, _step, _part, (uint)peer.Sent, length), _messages[_ownRank] + peer.Sent))
            {
                peer.Sent += length;
                if (peer.Sent == _lengths[_ownRank]) (peer.AwaitsSend, _unfinished) = (false, _unfinished - 1);
                moved = true;
            }
        }
        left = _lengths[peer.Rank] - peer.Received;
        peer.AwaitsReceive = left > 0;
        if (left > 0)
        {
            uint length = (uint)Math.Min(_frameBytes, left);
            if (peer.Link.TryReceive(peer.Header.With(_kind, _step, _part, (uint)peer.Received, length), _messages[peer.Rank] + peer.Received))
            {
                peer.Received += length;
                peer.HasBegun = true;
                if (peer.Received == _lengths[peer.Rank]) (peer.AwaitsReceive, _unfinished) = (false, _unfinished - 1);
                moved = true;
            }
        }
        return moved;
    }

    public void Dispose()
    {
        foreach (byte* message in _messages) NativeMemory.AlignedFree(message);
    }
}
