using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;

namespace Spikeformer.Collectives.Transfers;

/// <summary>
/// Drives a transfer to its end on the calling thread: moves what can be moved, and otherwise waits. It spins a hundred times before it sleeps.
/// Sleeping lets a neighbour on the same core do the work that is waited for.
/// </summary>
internal sealed class TransferLoop : IDisposable
{
    private const int Spins = 100, PollMilliseconds = 50;
    private static readonly TimeSpan s_sharedSleep = TimeSpan.FromMilliseconds(10);

    private readonly TimeProvider _time;
    private readonly Mesh _mesh;
    private readonly Rejections _rejections;
    private readonly PeerPoll _poll;
    private readonly PeerWatch _watch;

    public TransferLoop(GroupPlan plan, Mesh mesh, Rejections rejections)
    {
        (_time, _mesh, _rejections) = (plan.Options.Time, mesh, rejections);
        _poll = new(mesh.Peers);
        _watch = new(plan, mesh.Peers, rejections, _poll);
    }

    /// <inheritdoc cref="PeerWatch.PeerLoss"/>
    public PeerLoss? PeerLoss
    {
        get => _watch.PeerLoss;
        set => _watch.PeerLoss = value;
    }

    /// <exception cref="PeerLostException">The generation has ended.</exception>
    public void Drive(ITransfer transfer, CancellationToken cancellation)
    {
        _watch.Begin();
        int idle = 0;
        bool isArmed = false;
        while (true)
        {
            bool moved = transfer.Settle();
            foreach (Peer peer in _mesh.Peers) moved |= Advance(transfer, peer);
            if (transfer.IsDone) break;
            ThrowIfEnded(cancellation);
            if (moved) idle = 0;
            else if (idle++ < Spins && _mesh.Bell is not null) Thread.SpinWait(1);
            else if (_mesh.Bell is not null && !isArmed)
            {
                _mesh.Bell.Arm(inPoll: !_mesh.IsAllShared);
                isArmed = true;
                continue; // look once more before sleeping
            }
            else Sleep();
            if (isArmed) _mesh.Bell!.Disarm();
            isArmed = false;
        }
        if (isArmed) _mesh.Bell!.Disarm();
        _watch.End();
    }

    /// <summary>Waits for the first frame of a peer's next transfer and returns its header, without taking the frame.</summary>
    /// <exception cref="PeerLostException">The generation has ended.</exception>
    public FrameHeader AwaitHeader(Peer peer, CancellationToken cancellation)
    {
        var peek = new PeekTransfer(peer);
        Drive(peek, cancellation);
        return peek.Header;
    }

    public void Dispose() => _poll.Dispose();

    private bool Advance(ITransfer transfer, Peer peer)
    {
        try
        {
            return transfer.Advance(peer);
        }
        catch (LinkException failure)
        {
            if (failure.Cause is { } cause) _rejections.Count(cause);
            throw new PeerLostException(_watch.Explain(peer, failure), failure);
        }
    }

    private void ThrowIfEnded(CancellationToken cancellation)
    {
        if (PeerLoss is { } earlier) throw new PeerLostException(earlier);
        if (cancellation.IsCancellationRequested) throw new PeerLostException(new(PeerLossReason.AbortedHere, [], "The call was cancelled"));
        if (_mesh.Segment is { IsPoisoned: true }) throw new PeerLostException(_watch.ExplainPoison());
    }

    private void Sleep()
    {
        if (_mesh.IsAllShared) _mesh.Bell!.Sleep(s_sharedSleep);
        else if (!_poll.HasControlFrames(PollMilliseconds) && _time.Milliseconds() - _watch.LastLook < PollMilliseconds) return;
        long now = _time.Milliseconds();
        if (!_mesh.IsAllShared || now - _watch.LastLook >= s_sharedSleep.TotalMilliseconds) _watch.Look(now);
    }

    private sealed class PeekTransfer(Peer awaited) : ITransfer
    {
        public FrameHeader Header;

        public bool IsDone { get; private set; }

        public bool Settle() => false;

        public bool Advance(Peer peer)
        {
            peer.AwaitsSend = false;
            peer.AwaitsReceive = peer == awaited && !IsDone;
            if (!peer.AwaitsReceive) return false;
            return IsDone = peer.Link.TryPeek(peer.Header, out Header);
        }
    }
}
