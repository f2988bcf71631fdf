using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;

namespace Spikeformer.Collectives.Transfers;

/// <summary>
/// Watches the peers while a transfer waits: reads their control connections, shows them that this rank is alive, and finds out which peer is lost
/// when a connection ends or data does not arrive.
/// </summary>
internal sealed class PeerWatch(GroupPlan plan, IReadOnlyList<Peer> peers, Rejections rejections, PeerPoll poll)
{
    private const long SignPeriod = 500, ExplanationPatience = 250; // milliseconds

    private readonly TimeProvider _time = plan.Options.Time;
    private readonly long[] _durations = new long[15];
    private int _transfers;
    private long _began, _lastSign;

    /// <summary>Why the generation has ended; another thread may set it.</summary>
    public volatile PeerLoss? PeerLoss;

    /// <summary>Time of the last <see cref="Look"/>, in milliseconds.</summary>
    public long LastLook { get; private set; }

    /// <summary>Starts to watch a transfer.</summary>
    public void Begin()
    {
        LastLook = _lastSign = _began = _time.Milliseconds();
        foreach (Peer peer in peers) peer.HasBegun = false;
        HearAll(_began);
    }

    /// <summary>Records the duration of a completed transfer.</summary>
    public void End() => _durations[_transfers++ % _durations.Length] = _time.Milliseconds() - _began;

    /// <summary>Looks after all peers.</summary>
    /// <exception cref="PeerLostException">A peer is lost, or has sealed or left the generation.</exception>
    public void Look(long now)
    {
        // After a pause of this process (a debugger, a frozen machine), no peer has had a chance to be heard.
        if (now - LastLook > SignPeriod) HearAll(now);
        LastLook = now;
        ReadControls(now);
        foreach (Peer peer in peers)
        {
            if (peer.HadLeft && peer.AwaitsReceive && peer.Link is SharedMemoryLink) throw new PeerLostException(Left(peer));
            peer.HadLeft = peer.HasLeft; // the transfer first takes what the peer left in the rings
        }
        if (now - _lastSign >= SignPeriod)
        {
            _lastSign = now;
            foreach (Peer peer in peers) peer.Control.Send(FrameKind.Waiting);
        }
        bool haveAllBegun = true;
        foreach (Peer peer in peers)
        {
            if (peer.Link.BytesReceived != peer.Heard.Bytes) peer.Heard = (now, peer.Link.BytesReceived);
            haveAllBegun &= peer.HasBegun || !peer.AwaitsReceive;
        }
        // A peer that has not begun is computing; its heartbeat shows whether it is alive. A peer that waits for another one says so (Waiting).
        if (!haveAllBegun) return;
        long deadline = Math.Max((long)plan.Options.ProgressDeadline.TotalMilliseconds, 10 * MedianDuration());
        int[] silent = [.. peers.Where(peer => (peer.AwaitsReceive || peer.AwaitsSend) && now - peer.Heard.Time > deadline).Select(peer => peer.Rank).Order()];
        if (silent.Length > 0)
            throw new PeerLostException(new(PeerLossReason.NoProgress, silent, $"{plan.Names(silent)} owed data and sent none for {deadline} ms"));
    }

    /// <summary>Returns the loss behind a failed link.</summary>
    public PeerLoss Explain(Peer peer, LinkException failure)
    {
        if (failure.Reason != PeerLossReason.Closed) return Lost(peer, failure);
        return AwaitExplanation(peer) ?? (peer.HasLeft ? Left(peer) : Lost(peer, failure));
    }

    /// <summary>Returns the loss for which another member has poisoned the shared memory.</summary>
    public PeerLoss ExplainPoison() => AwaitExplanation(null) ?? new(PeerLossReason.AbortedByPeer, [], "A worker of this host sealed the generation");

    /// <summary>
    /// Waits for a member to explain why a connection has ended. A survivor names its suspects before it closes any connection. A dead process's
    /// control connection ends without a message.
    /// </summary>
    private PeerLoss? AwaitExplanation(Peer? closed)
    {
        long end = _time.Milliseconds() + ExplanationPatience;
        foreach (Peer peer in peers) peer.AwaitsReceive = peer.AwaitsSend = false;
        try
        {
            for (long now; (now = _time.Milliseconds()) < end;)
            {
                ReadControls(now);
                if (PeerLoss is { } earlier) return earlier;
                if (closed is { HasLeft: true }) break;
                poll.HasControlFrames(10);
            }
            return null;
        }
        catch (PeerLostException explained)
        {
            return explained.PeerLoss;
        }
    }

    /// <exception cref="PeerLostException">A peer has sealed the generation, or its control connection has ended or is broken.</exception>
    private void ReadControls(long now)
    {
        List<int>? closed = null;
        foreach (Peer peer in peers)
        {
            if (peer.HasEnded) continue;
            try
            {
                while (peer.Control.TryRead(out FrameHeader frame))
                {
                    peer.Heard = (now, peer.Link.BytesReceived);
                    if (frame.Kind == FrameKind.Abort) throw new PeerLostException(AbortedBy(peer, frame));
                    if (frame.Kind == FrameKind.Leave) peer.HasLeft = true;
                }
            }
            catch (LinkException) when (peer.HasLeft)
            {
                peer.HasEnded = true;
            }
            catch (LinkException failure)
            {
                if (failure.Cause is { } cause)
                {
                    rejections.Count(cause);
                    throw new PeerLostException(Lost(peer, failure), failure);
                }
                (closed ??= []).Add(peer.Rank);
            }
        }
        if (closed is not null)
            throw new PeerLostException(new(PeerLossReason.Closed, [.. closed.Order()], $"{plan.Names(closed)} closed the connection: the process ended"));
    }

    private void HearAll(long now)
    {
        foreach (Peer peer in peers) peer.Heard = (now, peer.Link.BytesReceived);
    }

    private PeerLoss Left(Peer peer) => new(PeerLossReason.AbortedByPeer, [], $"{plan.Name(peer.Rank)} left the generation");

    private PeerLoss Lost(Peer peer, LinkException failure) => new(failure.Reason, [peer.Rank], $"{plan.Name(peer.Rank)} {failure.Message}");

    private PeerLoss AbortedBy(Peer peer, in FrameHeader frame)
    {
        ulong mask = frame.Value;
        int[] suspects = [.. Enumerable.Range(0, plan.WorldSize).Where(rank => (mask >> rank & 1) != 0)];
        return suspects.Length == 0
            ? new(PeerLossReason.AbortedByPeer, [], $"{plan.Name(peer.Rank)} sealed the generation")
            : new((PeerLossReason)frame.Part, suspects, $"{plan.Name(peer.Rank)} lost {plan.Names(suspects)} ({(PeerLossReason)frame.Part})");
    }

    private long MedianDuration()
    {
        long[] sorted = [.. _durations.Take(Math.Min(_transfers, _durations.Length)).Order()];
        return sorted.Length == 0 ? 0 : sorted[sorted.Length / 2];
    }
}
