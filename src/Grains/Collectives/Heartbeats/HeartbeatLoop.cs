using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;

namespace Spikeformer.Collectives.Heartbeats;

/// <summary>
/// Exchanges heartbeats between the members of a generation, on a separate thread and separate connections, so that they continue while the
/// compute thread is busy. A heartbeat carries the member's step, its progress in the step, and the last applied step. It thus shows whether a
/// peer is silent, or alive and stuck.
/// </summary>
internal sealed class HeartbeatLoop : IDisposable
{
    private readonly GroupPlan _plan;
    private readonly TimeProvider _time;
    private readonly HeartbeatOptions _options;
    private readonly Rendezvous _rendezvous;
    private readonly Partner[] _partners;
    private readonly AppliedSteps _appliedSteps;
    private readonly Thread _thread;
    private readonly Lock _reporting = new();
    private (long Step, int Progress) _report;
    private long _reported;
    private (long Step, ulong Digest) _applied = (-1, 0);
    private long _silenceLimit, _progressLimit;
    private volatile bool _isDisposed;

    private HeartbeatLoop(GroupPlan plan, HeartbeatOptions options, Rendezvous rendezvous, Partner[] partners)
    {
        foreach (Partner partner in partners) partner.Heard = partner.Progressed = plan.Options.Time.Milliseconds();
        (_plan, _time, _options, _rendezvous, _partners) = (plan, plan.Options.Time, options, rendezvous, partners);
        _appliedSteps = new(plan.WorldSize, _time);
        (SilenceLimit, ProgressLimit) = (options.SilenceLimit, options.ProgressLimit);
        _thread = new Thread(Beat) { Name = "heartbeat", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Connects to all members and starts the heartbeats. Every member must connect within the deadline. The listener must outlive the
    /// loop.</summary>
    /// <exception cref="PeerLostException">A member could not be reached.</exception>
    public static HeartbeatLoop Connect(GroupPlan plan, DataListener listener, HeartbeatOptions options, TimeSpan deadline, CancellationToken cancellation = default)
    {
        plan.Validate();
        var rendezvous = new Rendezvous(plan, listener, deadline, cancellation, ConnectionPurpose.Heartbeat);
        var partners = new List<Partner>();
        try
        {
            foreach (int rank in Enumerable.Range(0, plan.WorldSize).Where(rank => rank != plan.OwnRank))
                partners.Add(new(rank, new(rendezvous.With(rank, ConnectionPurpose.Heartbeat), FrameHeader.Of(plan, plan.OwnRank), FrameHeader.Of(plan, rank))));
            return new(plan, options, rendezvous, [.. partners]);
        }
        catch
        {
            foreach (Partner partner in partners) partner.Channel.Dispose();
            rendezvous.Dispose();
            throw;
        }
    }

    /// <summary>Frames refused, by cause.</summary>
    public Rejections Rejections { get; } = new();

    /// <summary>How long a peer may be silent before it is suspected.</summary>
    public TimeSpan SilenceLimit
    {
        get => TimeSpan.FromMilliseconds(Volatile.Read(ref _silenceLimit));
        set => Volatile.Write(ref _silenceLimit, (long)value.TotalMilliseconds);
    }

    /// <summary>How long a peer may be behind this rank without progress before it is suspected to be stuck.</summary>
    public TimeSpan ProgressLimit
    {
        get => TimeSpan.FromMilliseconds(Volatile.Read(ref _progressLimit));
        set => Volatile.Write(ref _progressLimit, (long)value.TotalMilliseconds);
    }

    /// <summary>Sets what the next heartbeats report: the step, and the progress in it, which is ascending and comparable between ranks.</summary>
    public void Report(long step, int progress)
    {
        lock (_reporting) (_report, _reported) = ((step, progress), _time.Milliseconds());
    }

    /// <summary>Tells all members that this rank has applied a step, without waiting. Every heartbeat repeats the message, in case it is lost.</summary>
    /// <param name="step">The step.</param>
    /// <param name="digest">Digest of the state after the step. If it is not equal on all members, one of them is wrong.</param>
    public void Applied(long step, ulong digest)
    {
        lock (_reporting) _applied = (step, digest);
        foreach (Partner partner in _partners)
            if (!partner.HasEnded) partner.Channel.Send(FrameKind.Applied, value: digest, step: step);
        AddApplied(_plan.OwnRank, step, digest);
    }

    /// <summary>Returns the last step that a rank is known to have applied, or -1.</summary>
    public long LastApplied(int rank) => _appliedSteps.Last(rank);

    /// <summary>Returns the state of a peer.</summary>
    public PeerPulse Of(int rank)
    {
        Partner partner = _partners.Single(partner => partner.Rank == rank);
        long now = _time.Milliseconds();
        return new(TimeSpan.FromMilliseconds(now - partner.Heard), TimeSpan.FromMilliseconds(now - partner.Progressed), partner.Step, partner.Progress, LastApplied(rank));
    }

    /// <summary>Connected ranks whose heartbeats have been missing for half the time after which they are suspected; ascending.</summary>
    public IReadOnlyList<int> Silent
    {
        get
        {
            long now = _time.Milliseconds(), patience = Volatile.Read(ref _silenceLimit) / 2;
            return [.. from partner in _partners
                       where !partner.HasEnded && now - Volatile.Read(ref partner.Heard) > patience
                       orderby partner.Rank
                       select partner.Rank];
        }
    }

    /// <summary>Waits until every member has applied a step that this rank has applied, for a boundary at which the generation may end.</summary>
    /// <exception cref="PeerLostException">A member has not applied it by then, or its connection has ended.</exception>
    /// <exception cref="DigestMismatchException">The members have applied different bits.</exception>
    public void WaitAllApplied(long step, TimeSpan deadline)
    {
        int[] missing = _appliedSteps.AwaitAll(step, deadline, HasEnded);
        if (missing.Length > 0)
        {
            int[] ended = Array.FindAll(missing, HasEnded);
            (PeerLossReason reason, int[] suspects) = ended.Length > 0 ? (PeerLossReason.Closed, ended) : (PeerLossReason.NoProgress, missing);
            throw new PeerLostException(new(reason, suspects, $"{_plan.Names(suspects)} did not confirm step {step}"));
        }
        if (_appliedSteps.Mismatch(step) is { } mismatch) throw mismatch;

        bool HasEnded(int rank) => Array.Exists(_partners, partner => partner.Rank == rank && partner.HasEnded);
    }

    /// <summary>Says goodbye to the members and ends the thread.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _thread.Join();
        _rendezvous.Dispose();
        foreach (Partner partner in _partners) partner.Channel.Dispose();
    }

    private void Beat()
    {
        long due = _time.Milliseconds(), lastRound = due;
        while (!_isDisposed)
        {
            long now = _time.Milliseconds();
            // After a pause of this process, no peer has had a chance to be heard.
            if (now - lastRound > Volatile.Read(ref _silenceLimit) / 2)
                foreach (Partner partner in _partners) partner.Heard = partner.Progressed = now;
            lastRound = now;
            if (now >= due)
            {
                SendBeats();
                due = now + (long)_options.Period.TotalMilliseconds;
            }
            foreach (Partner partner in _partners)
                if (!partner.HasEnded) Hear(partner, now);
            // Until the next heartbeat is due or a peer reaches its limit of silence, whichever is first.
            long wake = _partners.Where(partner => !partner.HasEnded && !partner.IsSuspected).Select(partner => partner.Heard + Volatile.Read(ref _silenceLimit) + 1).Append(due).Min();
            ControlChannel.WaitForAny(_partners.Where(partner => !partner.HasEnded).Select(partner => partner.Channel), TimeSpan.FromMilliseconds(Math.Max(0, wake - _time.Milliseconds())));
        }
        foreach (Partner partner in _partners)
            if (!partner.HasEnded) partner.Channel.Send(FrameKind.Leave);
    }

    private void SendBeats()
    {
        long step, applied;
        int progress;
        ulong digest;
        lock (_reporting) ((step, progress), (applied, digest)) = (_report, _applied);
        foreach (Partner partner in _partners)
        {
            if (partner.HasEnded) continue;
            partner.Channel.Send(FrameKind.Heartbeat, (uint)progress, step: step);
            if (applied >= 0) partner.Channel.Send(FrameKind.Applied, value: digest, step: applied);
        }
    }

    private void Hear(Partner partner, long now)
    {
        try
        {
            while (partner.Channel.TryRead(out FrameHeader frame))
            {
                partner.Heard = now;
                if (frame.Kind == FrameKind.Heartbeat && (partner.Step, partner.Progress) != (frame.Step, (int)frame.Part))
                    (partner.Step, partner.Progress, partner.Progressed) = (frame.Step, (int)frame.Part, now);
                if (frame.Kind == FrameKind.Applied) AddApplied(partner.Rank, frame.Step, frame.Value);
                if (frame.Kind == FrameKind.Leave) partner.HasLeft = true;
            }
        }
        catch (LinkException failure)
        {
            if (failure.Cause is { } cause) Rejections.Count(cause);
            partner.HasEnded = true;
            if (!partner.HasLeft) _options.Suspected?.Invoke(partner.Rank, failure.Reason);
            _appliedSteps.Wake();
            return;
        }
        PeerLossReason? reason = now - partner.Heard > Volatile.Read(ref _silenceLimit) ? PeerLossReason.NoProgress : IsStuck(partner, now) ? PeerLossReason.Stuck : null;
        if (reason is { } seen && !partner.IsSuspected) _options.Suspected?.Invoke(partner.Rank, seen);
        partner.IsSuspected = reason is not null;
    }

    /// <summary>Whether this rank has waited too long for a peer that is behind it and makes no progress.</summary>
    private bool IsStuck(Partner partner, long now)
    {
        lock (_reporting)
            return (partner.Step, partner.Progress).CompareTo(_report) < 0 && now - Math.Max(partner.Progressed, _reported) > Volatile.Read(ref _progressLimit);
    }

    private void AddApplied(int rank, long step, ulong digest)
    {
        if (_appliedSteps.Add(rank, step, digest) && _appliedSteps.Mismatch(step) is { } mismatch) _options.Differed?.Invoke(mismatch);
    }

    /// <summary>Another member. Only the loop's thread writes its fields.</summary>
    private sealed class Partner(int rank, ControlChannel channel)
    {
        public int Rank => rank;
        public ControlChannel Channel => channel;
        public long Heard, Progressed, Step = -1;
        public int Progress;
        public bool IsSuspected, HasLeft;
        public volatile bool HasEnded;
    }
}
