using System.Runtime.InteropServices;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Diagnostics;

namespace Spikeformer.Collectives.Transfers;

/// <summary>
/// The exact sum of long vectors. Every rank sends each chunk's tree nodes to the chunk's owner. The owner adds them in tree order, block by block
/// while they are in the cache, and sends the sums to all members. It is one pass without a barrier between the two halves, and writes only the
/// result.
/// </summary>
internal sealed unsafe class ReduceTransfer : ITransfer, IDisposable
{
    private readonly FrameHeader _own;
    private readonly GroupPlan _plan;
    private readonly int _maxBlockLength;
    private readonly ulong* _notes;
    private readonly byte*[] _staging;
    private readonly int[] _stagedNodes;
    private Contributions _contributions = null!;
    private TreeSum _sum = null!;
    private float** _sources, _blockSources;
    private int _sourceCount;
    private ChunkPlan _chunks;
    private long _step;
    private float* _result;
    private IReadOnlyList<Peer> _peers = [];
    private int _summed, _ownBlocks, _unfinished;

    public ReduceTransfer(GroupPlan plan, ulong* notes)
    {
        (_plan, _own, _maxBlockLength) = (plan, FrameHeader.Of(plan, plan.OwnRank), plan.BlockBytes / sizeof(float));
        _notes = notes;
        (_staging, _stagedNodes) = (new byte*[plan.WorldSize], new int[plan.WorldSize]);
    }

    public void Begin(long step, Contributions contributions, TreeSum sum, IReadOnlyList<NodeVector> own, float* result, long length, IReadOnlyList<Peer> peers)
    {
        (_step, _contributions, _sum, _peers) = (step, contributions, sum, peers);
        _result = result;
        _chunks = ChunkPlan.Of(length, _plan.WorldSize, _maxBlockLength);
        (_summed, _ownBlocks, _unfinished) = (0, _chunks.BlocksOf(_plan.OwnRank), 2 * peers.Count);
        if (_sourceCount < contributions.All.Count)
        {
            _sourceCount = contributions.All.Count;
            _sources = (float**)NativeMemory.Realloc(_sources, (nuint)(2 * _sourceCount * sizeof(float*)));
            _blockSources = _sources + _sourceCount;
        }
        for (int i = 0; i < own.Count; i++) _sources[contributions.FirstOf(_plan.OwnRank) + i] = (float*)own[i].Values;
        foreach (Peer peer in peers)
        {
            int ownNodes = contributions.Of(_plan.OwnRank).Count, nodes = contributions.Of(peer.Rank).Count, blocks = _chunks.BlocksOf(peer.Rank);
            peer.Outgoing = new(blocks, ownNodes, _ownBlocks);
            peer.Incoming = new(_ownBlocks, nodes, blocks);
            peer.ArrivedNodes = 0;
            if (!peer.Link.CanHold(nodes) && _stagedNodes[peer.Rank] < nodes)
            {
                NativeMemory.AlignedFree(_staging[peer.Rank]);
                _staging[peer.Rank] = (byte*)NativeMemory.AlignedAlloc((nuint)(nodes * _maxBlockLength * sizeof(float)), 64);
                _stagedNodes[peer.Rank] = nodes;
            }
        }
    }

    public bool IsDone => _unfinished == 0 && _summed == _ownBlocks;

    public bool Advance(Peer peer) => Send(peer) | Receive(peer);

    /// <summary>Adds the next block of the own chunk if all of its nodes have arrived.</summary>
    public bool Settle()
    {
        if (_summed == _ownBlocks) return false;
        foreach (Peer peer in _peers)
            if (peer.ArrivedNodes < _contributions.Of(peer.Rank).Count) return false;
        (long offset, int count) = _chunks.Range(_plan.OwnRank, _summed);
        int first = _contributions.FirstOf(_plan.OwnRank), end = first + _contributions.Of(_plan.OwnRank).Count;
        for (int i = first; i < end; i++) _blockSources[i] = _sources[i] + offset;
        _sum.Add(_blockSources, count, _result + offset);
        foreach (Peer peer in _peers)
        {
            peer.Link.Release();
            peer.ArrivedNodes = 0;
        }
        _summed++;
        return true;
    }

    public void Dispose()
    {
        foreach (byte* staging in _staging) NativeMemory.AlignedFree(staging);
        NativeMemory.Free(_sources);
    }

    private bool Send(Peer peer)
    {
        ref FrameSequence due = ref peer.Outgoing;
        peer.AwaitsSend = !due.IsDone && (due.Kind != FrameKind.Gather || due.Block < _summed);
        if (!peer.AwaitsSend) return false;
        (FrameHeader header, long offset) = Frame(_own, due, _plan.OwnRank, peer.Rank);
        byte* payload = due.Kind switch
        {
            FrameKind.Begin => (byte*)(_notes + _plan.OwnRank),
            FrameKind.Scatter => (byte*)(_sources[_contributions.FirstOf(_plan.OwnRank) + due.Node] + offset),
            _ => (byte*)(_result + offset),
        };
        if (due.Kind == FrameKind.Gather) FailPoints.Hit("gather", _step);
        if (!peer.Link.TrySend(header, payload)) return false;
        due.MoveNext();
        if (due.IsDone) (peer.AwaitsSend, _unfinished) = (false, _unfinished - 1);
        return true;
    }

    private bool Receive(Peer peer)
    {
        ref FrameSequence due = ref peer.Incoming;
        int nodes = _contributions.Of(peer.Rank).Count;
        // While a block waits for other peers' nodes, nothing more is received. This bounds the memory, and slots are released in order.
        peer.AwaitsReceive = !due.IsDone && (nodes == 0 || peer.ArrivedNodes < nodes);
        if (!peer.AwaitsReceive) return false;
        (FrameHeader header, long offset) = Frame(peer.Header, due, peer.Rank, _plan.OwnRank);
        switch (due.Kind)
        {
            case FrameKind.Begin:
                if (!peer.Link.TryReceive(header, (byte*)(_notes + peer.Rank))) return false;
                peer.HasBegun = true;
                break;
            case FrameKind.Scatter:
                byte* payload = TakeNode(peer, header, due.Node);
                if (payload == null) return false;
                _blockSources[_contributions.FirstOf(peer.Rank) + due.Node] = (float*)payload;
                peer.ArrivedNodes++;
                break;
            default:
                if (!peer.Link.TryReceive(header, (byte*)(_result + offset))) return false;
                break;
        }
        due.MoveNext();
        if (due.IsDone) (peer.AwaitsReceive, _unfinished) = (false, _unfinished - 1);
        return true;
    }

    private byte* TakeNode(Peer peer, in FrameHeader header, int node)
    {
        if (peer.Link.CanHold(_contributions.Of(peer.Rank).Count)) return peer.Link.TryHold(header);
        byte* staging = _staging[peer.Rank] + node * _maxBlockLength * sizeof(float);
        return peer.Link.TryReceive(header, staging) ? staging : null;
    }

    /// <summary>Returns the header of a frame in a sequence, and its first element.</summary>
    private (FrameHeader Header, long Offset) Frame(in FrameHeader sender, in FrameSequence frame, int from, int to)
    {
        if (frame.Kind == FrameKind.Begin) return (sender.With(FrameKind.Begin, _step, length: sizeof(ulong)), 0);
        bool isScatter = frame.Kind == FrameKind.Scatter;
        (long offset, int count) = _chunks.Range(isScatter ? to : from, frame.Block);
        uint part = isScatter ? FrameHeader.PartOf(_contributions.Of(from)[frame.Node].Node) : 0;
        return (sender.With(frame.Kind, _step, part, (uint)offset, (uint)count * sizeof(float)), offset);
    }
}
