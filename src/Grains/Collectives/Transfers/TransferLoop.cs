using System.Runtime.InteropServices;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Collectives.Transfers;

/// <summary>
/// Drives a transfer on the calling thread to its end: moves what can be moved, else waits. It pauses a hundred times and then sleeps, so that
/// a neighbour on the same core can do what is waited for.
/// </summary>
internal sealed unsafe class TransferLoop : IDisposable
{
    private const int Pauses = 100;
    private const long Beat = 500, VerdictPatience = 250; // milliseconds
    private static readonly TimeSpan s_sharedSleep = TimeSpan.FromMilliseconds(10);
    private const int PollMilliseconds = 50;

    private readonly GroupPlan _plan;
    private readonly TimeProvider _time;
    private readonly Mesh _mesh;
    private readonly Rejections _rejections;
    private readonly Native.PollEntry* _entries;
    private readonly long[] _durations = new long[15];
    private int _transfers;
    private long _lastWatch, _lastBeat;

    public TransferLoop(GroupPlan plan, Mesh mesh, Rejections rejections)
    {
        (_plan, _time, _mesh, _rejections) = (plan, plan.Options.Time, mesh, rejections);
        _entries = (Native.PollEntry*)NativeMemory.AllocZeroed((nuint)(2 * Math.Max(1, mesh.Peers.Count)), (nuint)sizeof(Native.PollEntry));
    }

    /// <summary>Set from another thread: the generation is over.</summary>
    public volatile PeerLostException? Loss;

    /// <exception cref="PeerLostException">The generation is over.</exception>
    public void Drive(ITransfer transfer, CancellationToken cancellation)
    {
        long began = _time.Milliseconds();
        (_lastWatch, _lastBeat) = (began, began);
        foreach (Peer peer in _mesh.Peers)
        {
            peer.HasBegun = false;
            peer.Heard = (began, peer.Link.BytesReceived);
        }
        int idle = 0;
        bool isArmed = false;
        while (true)
        {
            bool moved = transfer.Settle();
            foreach (Peer peer in _mesh.Peers) moved |= Advance(transfer, peer);
            if (transfer.IsDone) break;
            ThrowIfOver(cancellation);
            if (moved) idle = 0;
            else if (idle++ < Pauses && _mesh.Bell is not null) Thread.SpinWait(1);
            else if (_mesh.Bell is not null && !isArmed)
            {
                _mesh.Bell.Arm(inPoll: !_mesh.IsAllShared);
                isArmed = true;
                continue; // one more look
            }
            else Sleep();
            if (isArmed) _mesh.Bell!.Disarm();
            isArmed = false;
        }
        if (isArmed) _mesh.Bell!.Disarm();
        _durations[_transfers++ % _durations.Length] = _time.Milliseconds() - began;
    }

    /// <summary>Waits for the first frame of a transfer from a peer and returns its header, without taking it.</summary>
    /// <exception cref="PeerLostException">The generation is over.</exception>
    public FrameHeader AwaitHeader(Peer peer, CancellationToken cancellation)
    {
        var peek = new PeekTransfer(peer);
        Drive(peek, cancellation);
        return peek.Header;
    }

    public void Dispose() => NativeMemory.Free(_entries);

    private bool Advance(ITransfer transfer, Peer peer)
    {
        try
        {
            return transfer.Advance(peer);
        }
        catch (LinkException failure)
        {
            if (failure.Cause is { } cause) _rejections.Count(cause);
            throw failure.Reason == PeerLossReason.Closed ? Verdict(peer, failure) : Lost(peer, failure);
        }
    }

    private void ThrowIfOver(CancellationToken cancellation)
    {
        if (Loss is { } loss) throw loss;
        if (cancellation.IsCancellationRequested) throw new PeerLostException([], PeerLossReason.AbortedHere, "The call was cancelled");
        if (_mesh.Segment is { IsPoisoned: true }) throw Verdict(null, null);
    }

    private void Sleep()
    {
        if (_mesh.IsAllShared) _mesh.Bell!.Sleep(s_sharedSleep);
        else if (Poll(PollMilliseconds) == 0 && _time.Milliseconds() - _lastWatch < PollMilliseconds) return;
        long now = _time.Milliseconds();
        if (!_mesh.IsAllShared || now - _lastWatch >= s_sharedSleep.TotalMilliseconds) Watch(now);
    }

    /// <returns>Number of control connections that have something to say.</returns>
    private int Poll(int milliseconds)
    {
        int count = 0;
        foreach (Peer peer in _mesh.Peers)
        {
            int wanted = (peer.AwaitsReceive ? Native.PollIn : 0) | (peer.AwaitsSend ? Native.PollOut : 0);
            _entries[count++] = new() { Descriptor = wanted == 0 ? -1 : peer.Link.PollDescriptor, Wanted = (short)wanted };
            _entries[count++] = new() { Descriptor = peer.HasEnded ? -1 : peer.Control.PollDescriptor, Wanted = Native.PollIn };
        }
        if (Native.poll(_entries, (nuint)count, milliseconds) <= 0) return 0;
        int controls = 0;
        for (int i = 1; i < count; i += 2)
            if (_entries[i].Happened != 0) controls++;
        return controls;
    }

    /// <summary>Hears the control connections, shows that this rank is alive, and looks for peers that do not go on.</summary>
    private void Watch(long now)
    {
        // After a pause of this process itself (a debugger, a frozen machine) nobody has had a chance to be heard.
        if (now - _lastWatch > Beat)
            foreach (Peer peer in _mesh.Peers) peer.Heard = (now, peer.Link.BytesReceived);
        _lastWatch = now;
        ReadControls(now);
        foreach (Peer peer in _mesh.Peers)
        {
            if (peer.IsGone && peer.AwaitsReceive && peer.Link is SharedMemoryLink) throw Left(peer);
            peer.IsGone = peer.HasLeft; // what it left behind in the rings is taken first
        }
        if (now - _lastBeat >= Beat)
        {
            _lastBeat = now;
            foreach (Peer peer in _mesh.Peers) peer.Control.Send(FrameKind.Waiting);
        }
        bool haveAllBegun = true;
        foreach (Peer peer in _mesh.Peers)
        {
            if (peer.Link.BytesReceived != peer.Heard.Bytes) peer.Heard = (now, peer.Link.BytesReceived);
            haveAllBegun &= peer.HasBegun || !peer.AwaitsReceive;
        }
        // A peer that has not begun computes; its heartbeat tells whether it lives. And who waits for a third one says so (Waiting).
        if (!haveAllBegun) return;
        long deadline = Math.Max((long)_plan.Options.ProgressDeadline.TotalMilliseconds, 10 * MedianDuration());
        int[] silent = [.. _mesh.Peers.Where(peer => (peer.AwaitsReceive || peer.AwaitsSend) && now - peer.Heard.Time > deadline).Select(peer => peer.Rank).Order()];
        if (silent.Length > 0)
            throw new PeerLostException(silent, PeerLossReason.NoProgress, $"{Names(silent)} owed data and sent none for {deadline} ms");
    }

    /// <summary>Takes in what the control connections have to say.</summary>
    private void ReadControls(long now)
    {
        List<int>? closed = null;
        foreach (Peer peer in _mesh.Peers)
        {
            if (peer.HasEnded) continue;
            try
            {
                while (peer.Control.TryRead(out FrameHeader frame))
                {
                    peer.Heard = (now, peer.Link.BytesReceived);
                    if (frame.Kind == FrameKind.Abort) throw AbortedBy(peer, frame);
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
                    _rejections.Count(cause);
                    throw Lost(peer, failure);
                }
                (closed ??= []).Add(peer.Rank);
            }
        }
        if (closed is not null)
            throw new PeerLostException([.. closed.Order()], PeerLossReason.Closed, $"{Names(closed)} closed its connections: the process ended");
    }

    /// <summary>
    /// A data connection has ended, or the shared memory is poisoned. Who is to blame? A survivor that aborts says whom it suspects before it
    /// closes anything; a dead process's control connection ends without a word.
    /// </summary>
    private PeerLostException Verdict(Peer? closed, LinkException? failure)
    {
        long end = _time.Milliseconds() + VerdictPatience;
        foreach (Peer peer in _mesh.Peers) peer.AwaitsReceive = peer.AwaitsSend = false;
        try
        {
            for (long now; (now = _time.Milliseconds()) < end;)
            {
                ReadControls(now);
                if (Loss is { } loss) return loss;
                if (closed is { HasLeft: true }) break;
                Poll(10);
            }
        }
        catch (PeerLostException verdict)
        {
            return verdict;
        }
        return closed is null ? new([], PeerLossReason.AbortedByPeer, "A worker of this host sealed the generation")
            : closed.HasLeft ? Left(closed) : Lost(closed, failure!);
    }

    private PeerLostException Left(Peer peer) => new([], PeerLossReason.AbortedByPeer, $"{_plan.Name(peer.Rank)} left the generation");

    private PeerLostException Lost(Peer peer, LinkException failure) => new([peer.Rank], failure.Reason, $"{_plan.Name(peer.Rank)} {failure.Message}", failure);

    private PeerLostException AbortedBy(Peer peer, in FrameHeader frame)
    {
        ulong mask = frame.Value;
        int[] suspects = [.. Enumerable.Range(0, _plan.WorldSize).Where(rank => (mask >> rank & 1) != 0)];
        return suspects.Length == 0
            ? new([], PeerLossReason.AbortedByPeer, $"{_plan.Name(peer.Rank)} sealed the generation")
            : new(suspects, (PeerLossReason)frame.Part, $"{_plan.Name(peer.Rank)} lost {Names(suspects)} ({(PeerLossReason)frame.Part})");
    }

    private string Names(IEnumerable<int> ranks) => string.Join(", ", ranks.Select(_plan.Name));

    private long MedianDuration()
    {
        long[] sorted = [.. _durations.Take(Math.Min(_transfers, _durations.Length)).Order()];
        return sorted.Length == 0 ? 0 : sorted[sorted.Length / 2];
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
