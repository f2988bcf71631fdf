using System.Runtime.InteropServices;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;
using Spikeformer.Collectives.Plan;
using Spikeformer.Collectives.Transfers;
using Spikeformer.Numerics;

namespace Spikeformer.Collectives;

/// <summary>
/// The voters of one generation, connected with each other: exact sums and small exchanges. When anything goes wrong the group is sealed for
/// good, on all members within milliseconds; the survivors form another one and try again, to the same bits.
/// </summary>
/// <remarks>One thread at a time may call the collective operations, the same ones in the same order on every member. <see cref="Abort"/> and
/// <see cref="Dispose"/> may come from any thread.</remarks>
public sealed unsafe class Group : IDisposable
{
    /// <summary>Vectors below this go whole to everyone: one round trip instead of two.</summary>
    private const long SmallBytes = 64 << 10;

    /// <summary>Where the vectors begin in the message of a small reduction: behind the note, aligned.</summary>
    private const int NoteBytes = 64;

    private readonly Mesh _mesh;
    private readonly TransferLoop _loop;
    private readonly IVectorReduction _reduce;
    private readonly ExchangeTransfer _exchange;
    private readonly ulong* _notes;
    private readonly Contributions _blocks;
    private readonly TreeSum _blocksSum;
    private readonly NodePayloads _payloads;
    private readonly Lock _gate = new();
    private PeerLoss? _peerLoss;
    private bool _isBusy, _isClosed, _isDisposed, _isFreed;

    private Group(GroupPlan plan, Mesh mesh, Rejections rejections)
    {
        (Plan, _mesh, Rejections) = (plan, mesh, rejections);
        _loop = new(plan, mesh, rejections);
        _notes = (ulong*)NativeMemory.AllocZeroed((nuint)plan.WorldSize, sizeof(ulong));
        _reduce = new LinkReduction(_loop, new(plan, _notes), mesh.Peers);
        _exchange = new(plan);
        _blocks = Contributions.OfBlocks(plan);
        _blocksSum = new(_blocks);
        _payloads = new(_blocks, _exchange);
    }

    /// <summary>Connects a generation; every member must do so within the deadline.</summary>
    /// <param name="plan">The generation.</param>
    /// <param name="listener">This process's listener; must outlive the group.</param>
    /// <param name="deadline">How long to try.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="PeerLostException">Some member could not be connected.</exception>
    /// <exception cref="ArgumentException">The plan contradicts itself.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Group Connect(GroupPlan plan, DataListener listener, TimeSpan deadline, CancellationToken cancellation = default)
    {
        plan.Validate();
        var rendezvous = new Rendezvous(plan, listener, deadline, cancellation, ConnectionPurpose.Control, ConnectionPurpose.Data);
        try
        {
            var rejections = new Rejections();
            return new(plan, new MeshBuilder(plan, rendezvous, rejections, cancellation).Build(), rejections);
        }
        catch
        {
            rendezvous.Dispose();
            throw;
        }
    }

    /// <summary>The generation.</summary>
    public GroupPlan Plan { get; }

    /// <summary>What did not work as planned and was done another way, for the log: no shared memory, no congestion control.</summary>
    public IReadOnlyList<string> Warnings => _mesh.Warnings;

    /// <summary>Frames refused, by cause.</summary>
    public Rejections Rejections { get; }

    /// <summary>The numbers that all ranks gave to the last reduction, in rank order; valid until the next one.</summary>
    public ReadOnlySpan<ulong> Notes => new(_notes, Plan.WorldSize);

    /// <summary>Bytes of data that have come from the other members.</summary>
    public long BytesReceived => _mesh.Peers.Sum(peer => peer.Link.BytesReceived);

    /// <summary>Why the group is sealed, or null while it works.</summary>
    public PeerLoss? PeerLoss => _peerLoss;

    /// <summary>The way to a peer: <c>shared memory</c> or <c>TCP</c>.</summary>
    public string TransportTo(int rank) => _mesh.Peers.Single(peer => peer.Rank == rank).Link is TcpLink ? "TCP" : "shared memory";

    /// <summary>
    /// Sums one vector per shard over all shards in the order of the summation tree: the bits of <see cref="SummationTree.FoldInPlace"/>,
    /// for any number of members. The partial sums are only read.
    /// </summary>
    /// <param name="step">The step, equal on all members.</param>
    /// <param name="note">64 bits of this rank for all others; not part of the sum. See <see cref="Notes"/>.</param>
    /// <param name="own">This rank's nodes, in the order of the contributions: by default of
    /// <see cref="SummationTree.Cover"/> of its block.</param>
    /// <param name="result">The sum, float32; must not overlap the partial sums. Worthless if the call throws.</param>
    /// <param name="length">Elements of every vector, equal on all members.</param>
    /// <param name="contributions">Who brings which nodes, in a recovery; equal on all members.</param>
    /// <param name="cancellation">Seals the group.</param>
    /// <exception cref="PeerLostException">A peer was lost, or the group was sealed.</exception>
    /// <exception cref="ArgumentException">The nodes are not those that this rank has to bring.</exception>
    public void AllReduce(long step, ulong note, IReadOnlyList<NodeVector> own, float* result, long length,
        Contributions? contributions = null, CancellationToken cancellation = default)
    {
        CheckOwn(own, contributions ?? _blocks, (nint)result, length);
        Enter();
        TreeSum sum = contributions is null ? _blocksSum : new(contributions);
        try
        {
            contributions ??= _blocks;
            _notes[Plan.OwnRank] = note;
            if (length * sizeof(float) < SmallBytes) ReduceSmall(step, own, result, length, contributions, sum, cancellation);
            else _reduce.Reduce(step, contributions, sum, own, result, length, cancellation);
        }
        catch (PeerLostException lost)
        {
            throw SealAfter(lost);
        }
        finally
        {
            if (sum != _blocksSum) sum.Dispose();
            Leave();
        }
    }

    /// <summary>Sends some bytes per tree node to everyone. The nodes are those that cover each member's block.</summary>
    /// <param name="step">The step, equal on all members.</param>
    /// <param name="part">Which of the step's exchanges, equal on all members.</param>
    /// <param name="payloadBytes">Bytes per node, equal on all members.</param>
    /// <param name="own">The payloads of this rank's nodes (<see cref="OwnNodes"/>), one after the other.</param>
    /// <param name="cancellation">Seals the group.</param>
    /// <returns>The payloads of all nodes; valid until the next call.</returns>
    /// <exception cref="PeerLostException">A peer was lost, or the group was sealed.</exception>
    public NodePayloads ExchangeNodes(long step, int part, int payloadBytes, ReadOnlySpan<byte> own, CancellationToken cancellation = default)
    {
        if (own.Length != OwnNodes.Count * payloadBytes)
            throw new ArgumentException($"{OwnNodes.Count} payloads of {payloadBytes} bytes are due, not {own.Length} bytes.", nameof(own));
        Enter();
        try
        {
            for (int rank = 0; rank < Plan.WorldSize; rank++) _exchange.Reserve(rank, (long)_blocks.Of(rank).Count * payloadBytes);
            own.CopyTo(new Span<byte>(_exchange[Plan.OwnRank], own.Length));
            _exchange.Begin(FrameKind.Exchange, step, (uint)part, _mesh.Peers);
            _loop.Drive(_exchange, cancellation);
            return _payloads.Of(payloadBytes);
        }
        catch (PeerLostException lost)
        {
            throw SealAfter(lost);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>The nodes that cover this rank's block, in shard order.</summary>
    public IReadOnlyList<Contribution> OwnNodes => _blocks.Of(Plan.OwnRank);

    /// <summary>Which exchange a peer is in next; waits for it. For a member that has nothing of its own to say and follows the others.</summary>
    /// <param name="rank">The peer.</param>
    /// <param name="step">The step it must be in.</param>
    /// <param name="cancellation">Seals the group.</param>
    /// <returns>The part of its exchange.</returns>
    /// <exception cref="PeerLostException">A peer was lost, the group was sealed, or the peer is not in an exchange of this step.</exception>
    internal int AwaitExchange(int rank, long step, CancellationToken cancellation)
    {
        Enter();
        try
        {
            FrameHeader header = _loop.AwaitHeader(_mesh.Peers.Single(peer => peer.Rank == rank), cancellation);
            if (header.Kind == FrameKind.Exchange && header.Step == step) return (int)header.Part;
            RejectionCause cause = header.Kind == FrameKind.Exchange ? RejectionCause.WrongStep : RejectionCause.WrongFrame;
            Rejections.Count(cause);
            throw new PeerLostException(new(PeerLossReason.WrongFrame, [rank], $"{Plan.Name(rank)} sent a frame that is refused ({cause}) where an exchange of step {step} was due"));
        }
        catch (PeerLostException lost)
        {
            throw SealAfter(lost);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Seals the group at once, from any thread: a call under way throws, here and on all members.</summary>
    /// <param name="message">Why, as a sentence for people without the final full stop.</param>
    /// <param name="suspects">Ranks that are believed lost; the other members are told.</param>
    /// <returns>The exception for a caller that cannot continue. It carries <see cref="PeerLoss"/>: an earlier loss if the group was sealed before.</returns>
    public PeerLostException Abort(string message, params IReadOnlyList<int> suspects)
    {
        Seal(new(PeerLossReason.AbortedHere, suspects, message));
        return new(_peerLoss!);
    }

    /// <summary>Leaves in good order: what was sent still arrives. In the middle of a call of another thread it is an abort.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            var left = new PeerLoss(PeerLossReason.AbortedHere, [], "The group was left");
            if (_isBusy) Seal(left);
            else if (_peerLoss is null)
            {
                _peerLoss = left;
                foreach (Peer peer in _mesh.Peers) peer.Control.Send(FrameKind.Leave);
            }
            _isDisposed = true;
            CloseWhenIdle();
        }
    }

    private void ReduceSmall(long step, IReadOnlyList<NodeVector> own, float* result, long length, Contributions contributions, TreeSum sum, CancellationToken cancellation)
    {
        long bytes = length * sizeof(float);
        for (int rank = 0; rank < Plan.WorldSize; rank++) _exchange.Reserve(rank, NoteBytes + bytes * contributions.Of(rank).Count);
        byte* message = _exchange[Plan.OwnRank];
        *(ulong*)message = _notes[Plan.OwnRank];
        for (int i = 0; i < own.Count; i++) Buffer.MemoryCopy((void*)own[i].Values, message + NoteBytes + i * bytes, bytes, bytes);

        _exchange.Begin(FrameKind.SmallReduce, step, 0, _mesh.Peers);
        _loop.Drive(_exchange, cancellation);

        float** sources = stackalloc float*[contributions.All.Count];
        for (int rank = 0; rank < Plan.WorldSize; rank++)
        {
            _notes[rank] = *(ulong*)_exchange[rank];
            for (int i = 0; i < contributions.Of(rank).Count; i++) sources[contributions.FirstOf(rank) + i] = (float*)(_exchange[rank] + NoteBytes + i * bytes);
        }
        sum.Add(sources, length, result);
    }

    private void CheckOwn(IReadOnlyList<NodeVector> own, Contributions contributions, nint result, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        IReadOnlyList<Contribution> due = contributions.Of(Plan.OwnRank);
        if (own.Count != due.Count) throw new ArgumentException($"{due.Count} nodes are due from {Plan.Name(Plan.OwnRank)}, not {own.Count}.", nameof(own));
        long bytes = length * sizeof(float);
        for (int i = 0; i < own.Count; i++)
        {
            if (own[i].Node != due[i].Node) throw new ArgumentException($"{due[i].Node} is due where {own[i].Node} is.", nameof(own));
            if (result < own[i].Values + bytes && own[i].Values < result + bytes) throw new ArgumentException("The result lies over a partial sum.", nameof(result));
        }
    }

    private void Enter()
    {
        lock (_gate)
        {
            if (_peerLoss is not null) throw new PeerLostException(_peerLoss);
            if (_isBusy) throw new InvalidOperationException("Another thread is in a collective call of this group.");
            _isBusy = true;
        }
    }

    private void Leave()
    {
        lock (_gate)
        {
            _isBusy = false;
            if (_peerLoss is not null) CloseWhenIdle();
        }
    }

    /// <summary>Seals the group after a failed operation and returns the exception for its caller: an earlier loss takes precedence.</summary>
    private PeerLostException SealAfter(PeerLostException lost)
    {
        Seal(lost.PeerLoss);
        return new(_peerLoss!, lost);
    }

    private void Seal(PeerLoss peerLoss)
    {
        lock (_gate)
        {
            if (_peerLoss is not null) return;
            _peerLoss = _loop.PeerLoss = peerLoss;
            // The reason goes first, so that the others know whom to suspect when they see these connections end.
            ulong suspects = 0;
            foreach (int rank in peerLoss.Suspects) suspects |= 1ul << rank;
            foreach (Peer peer in _mesh.Peers) peer.Control.Send(FrameKind.Abort, (uint)peerLoss.Reason, suspects);
            _mesh.Segment?.SetPoison();
            foreach (Peer peer in _mesh.Peers)
            {
                peer.Link.Shutdown();
                peer.Control.Shutdown();
            }
            CloseWhenIdle();
        }
    }

    private void CloseWhenIdle()
    {
        if (_isBusy) return;
        if (!_isClosed)
        {
            _isClosed = true;
            _mesh.Dispose();
            _loop.Dispose();
            _reduce.Dispose();
            _blocksSum.Dispose();
        }
        // Notes and payloads of the last call may be read until the group is disposed.
        if (!_isDisposed || _isFreed) return;
        _isFreed = true;
        NativeMemory.Free(_notes);
        _exchange.Dispose();
    }
}
