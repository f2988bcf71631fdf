using System.Runtime.InteropServices;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;
using Spikeformer.Collectives.Transfers;
using Spikeformer.Numerics;

namespace Spikeformer.Collectives;

/// <summary>
/// The connected voters of one generation. They compute exact sums and exchange small messages. Any failure seals the group for good, on all members
/// within milliseconds. The survivors form a new group and repeat the operation, with the same bits as the result.
/// </summary>
/// <remarks>Collective operations are called by one thread at a time, and in the same order on every member. <see cref="Abort"/> and
/// <see cref="Dispose"/> may be called from any thread.</remarks>
internal sealed unsafe class Group : IDisposable
{
    private readonly Mesh _mesh;
    private readonly TransferLoop _loop;
    private readonly SmallReduction _small;
    private readonly LinkReduction _large;
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
        _exchange = new(plan);
        _small = new(plan, _loop, _exchange, mesh.Peers, _notes);
        _large = new(_loop, new(plan, _notes), mesh.Peers);
        _blocks = Contributions.OfBlocks(plan);
        _blocksSum = new(_blocks);
        _payloads = new(_blocks, _exchange);
    }

    /// <summary>Connects the members of a generation. Every member must call this within the deadline. The listener must outlive the group.</summary>
    /// <exception cref="PeerLostException">A member could not be reached.</exception>
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

    /// <summary>Deviations from the plan's options, for the log: no shared memory, another congestion control.</summary>
    public IReadOnlyList<string> Warnings => _mesh.Warnings;

    /// <summary>Frames refused, by cause.</summary>
    public Rejections Rejections { get; }

    /// <summary>The notes that the ranks gave to the last reduction, in rank order; valid until the next one.</summary>
    public ReadOnlySpan<ulong> Notes => new(_notes, Plan.WorldSize);

    /// <summary>Bytes of data received from the other members.</summary>
    public long BytesReceived => _mesh.Peers.Sum(peer => peer.Link.BytesReceived);

    /// <summary>Why the group was sealed, or null if it was not.</summary>
    public PeerLoss? PeerLoss => _peerLoss;

    /// <summary>The transport to a peer: <c>shared memory</c> or <c>TCP</c>.</summary>
    public string TransportTo(int rank) => _mesh.Peers.Single(peer => peer.Rank == rank).Link is TcpLink ? "TCP" : "shared memory";

    /// <summary>
    /// Sums one vector per shard over all shards in the order of the summation tree. The result has the bits of
    /// <see cref="SummationTree.FoldInPlace"/> for any number of members. Step, length and contributions must be equal on all members.
    /// </summary>
    /// <param name="step">The step.</param>
    /// <param name="note">64 bits that this rank sends to all others beside the sum; see <see cref="Notes"/>.</param>
    /// <param name="own">This rank's nodes in the order of its contributions. They are only read.</param>
    /// <param name="result">Receives the sum, float32; must not overlap the partial sums. Invalid if the call throws.</param>
    /// <param name="length">Number of elements of every vector.</param>
    /// <param name="contributions">The contributor of each node in a recovery; by default every rank contributes its <see cref="OwnNodes"/>.</param>
    /// <param name="cancellation">Seals the group.</param>
    /// <exception cref="PeerLostException">A peer was lost, or the group was sealed.</exception>
    /// <exception cref="ArgumentException">This rank must contribute other nodes.</exception>
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
            IVectorReduction reduction = length * sizeof(float) < SmallReduction.MaxBytes ? _small : _large;
            reduction.Reduce(step, contributions, sum, own, result, length, cancellation);
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

    /// <summary>Sends one payload per tree node to all members. Step, part and size must be equal on all members.</summary>
    /// <param name="step">The step.</param>
    /// <param name="part">Number of the exchange in the step.</param>
    /// <param name="payloadBytes">Bytes per node.</param>
    /// <param name="own">The payloads of this rank's <see cref="OwnNodes"/>, one after the other.</param>
    /// <param name="cancellation">Seals the group.</param>
    /// <returns>The payloads of all nodes; valid until the next call.</returns>
    /// <exception cref="PeerLostException">A peer was lost, or the group was sealed.</exception>
    public NodePayloads ExchangeNodes(long step, int part, int payloadBytes, ReadOnlySpan<byte> own, CancellationToken cancellation = default)
    {
        if (own.Length != OwnNodes.Count * payloadBytes)
            throw new ArgumentException($"The exchange needs {OwnNodes.Count} payloads of {payloadBytes} bytes, not {own.Length} bytes.", nameof(own));
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

    /// <summary>The fewest nodes that cover this rank's block, in shard order.</summary>
    public IReadOnlyList<Contribution> OwnNodes => _blocks.Of(Plan.OwnRank);

    /// <summary>Waits for a peer's next exchange. Used by a member that has nothing to contribute and follows the others.</summary>
    /// <returns>Number of the exchange in the step.</returns>
    /// <exception cref="PeerLostException">A peer was lost, the group was sealed, or the peer is not in an exchange of this step.</exception>
    public int AwaitExchange(int rank, long step, CancellationToken cancellation)
    {
        Enter();
        try
        {
            FrameHeader header = _loop.AwaitHeader(_mesh.Peers.Single(peer => peer.Rank == rank), cancellation);
            if (header.Kind == FrameKind.Exchange && header.Step == step) return (int)header.Part;
            RejectionCause cause = header.Kind == FrameKind.Exchange ? RejectionCause.WrongStep : RejectionCause.WrongFrame;
            Rejections.Count(cause);
            throw new PeerLostException(new(PeerLossReason.WrongFrame, [rank], $"{Plan.Name(rank)} sent a frame that was refused ({cause}): an exchange of step {step} was expected"));
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

    /// <summary>Seals the group at once, from any thread. A call in progress throws, here and on all members.</summary>
    /// <param name="message">The reason as a sentence for people, without the final full stop.</param>
    /// <param name="suspects">Ranks that are believed lost. They are sent to the other members.</param>
    /// <returns>An exception to throw. It carries <see cref="PeerLoss"/>, which is an earlier one if the group was already sealed.</returns>
    public PeerLostException Abort(string message, params IReadOnlyList<int> suspects)
    {
        Seal(new(PeerLossReason.AbortedHere, suspects, message));
        return new(_peerLoss!);
    }

    /// <summary>Leaves the group in good order: frames that were sent still arrive. During another thread's call this is an abort.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            var left = new PeerLoss(PeerLossReason.AbortedHere, [], "The group was disposed");
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

    private void CheckOwn(IReadOnlyList<NodeVector> own, Contributions contributions, nint result, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        IReadOnlyList<Contribution> due = contributions.Of(Plan.OwnRank);
        if (own.Count != due.Count) throw new ArgumentException($"{Plan.Name(Plan.OwnRank)} must contribute {due.Count} nodes, not {own.Count}.", nameof(own));
        long bytes = length * sizeof(float);
        for (int i = 0; i < own.Count; i++)
        {
            if (own[i].Node != due[i].Node) throw new ArgumentException($"Node {i} must be {due[i].Node}, not {own[i].Node}.", nameof(own));
            if (result < own[i].Values + bytes && own[i].Values < result + bytes) throw new ArgumentException("The result overlaps a partial sum.", nameof(result));
        }
    }

    private void Enter()
    {
        lock (_gate)
        {
            if (_peerLoss is not null) throw new PeerLostException(_peerLoss);
            if (_isBusy) throw new InvalidOperationException("Another thread is in a collective operation of this group.");
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

    /// <summary>Seals the group after a failed operation and returns the exception for its caller. An earlier loss takes precedence.</summary>
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
            _large.Dispose();
            _blocksSum.Dispose();
        }
        // The notes and payloads of the last call may be read until the group is disposed.
        if (!_isDisposed || _isFreed) return;
        _isFreed = true;
        NativeMemory.Free(_notes);
        _exchange.Dispose();
    }
}
