using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Collectives.Heartbeats;

/// <summary>
/// Signs of life between the members of a generation, on a thread and connections of their own, so that they go on while the compute thread is
/// busy. They carry the step, how far this rank is in it, and what was last applied: a peer may be silent, or alive and stuck.
/// </summary>
public sealed class HeartbeatLoop : IDisposable
{
    private readonly GroupPlan _plan;
    private readonly TimeProvider _time;
    private readonly HeartbeatOptions _options;
    private readonly Rendezvous _rendezvous;
    private readonly Partner[] _partners;
    private readonly DigestHistory _digests;
    private readonly Thread _thread;
    private readonly Lock _reporting = new();
    private readonly object _changed = new();
    private (long Step, int Progress) _report;
    private long _reported;
    private (long Step, ulong Digest) _applied = (-1, 0);
    private long _silenceLimit, _progressLimit;
    private volatile bool _isDisposed;

    private HeartbeatLoop(GroupPlan plan, HeartbeatOptions options, Rendezvous rendezvous, Partner[] partners)
    {
        foreach (Partner partner in partners) partner.Heard = partner.Progressed = plan.Options.Time.Milliseconds();
        (_plan, _time, _options, _rendezvous, _partners, _digests) = (plan, plan.Options.Time, options, rendezvous, partners, new(plan.WorldSize));
        (SilenceLimit, ProgressLimit) = (options.SilenceLimit, options.ProgressLimit);
        _thread = new Thread(Beat) { Name = "heartbeat", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Connects to all members and begins to beat; every member must do so within the deadline.</summary>
    /// <param name="plan">The generation.</param>
    /// <param name="listener">This process's listener; must outlive the loop.</param>
    /// <param name="options">Periods and handlers.</param>
    /// <param name="deadline">How long to try.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="PeerLostException">Some member could not be connected.</exception>
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

    /// <summary>How long a peer may be behind this rank without coming on before it is suspected to be stuck.</summary>
    public TimeSpan ProgressLimit
    {
        get => TimeSpan.FromMilliseconds(Volatile.Read(ref _progressLimit));
        set => Volatile.Write(ref _progressLimit, (long)value.TotalMilliseconds);
    }

    /// <summary>What the next signs of life say.</summary>
    /// <param name="step">The step that this rank is in.</param>
    /// <param name="progress">How far it is in the step: ascending, and comparable between ranks.</param>
    public void Report(long step, int progress)
    {
        lock (_reporting) (_report, _reported) = ((step, progress), _time.Milliseconds());
    }

    /// <summary>Tells all members that this rank has applied a step. Waits for nobody; a lost message is repeated with the next beat.</summary>
    /// <param name="step">The step.</param>
    /// <param name="digest">Of the state after it: equal on all members, or one of them is wrong.</param>
    public void Applied(long step, ulong digest)
    {
        lock (_reporting) _applied = (step, digest);
        foreach (Partner partner in _partners)
            if (!partner.IsOver) partner.Channel.Send(FrameKind.Applied, value: digest, step: step);
        Note(_plan.OwnRank, step, digest);
    }

    /// <summary>The last step that a rank is known to have applied, or -1.</summary>
    public long LastApplied(int rank) => _digests.Last(rank);

    /// <summary>What is known of a peer.</summary>
    public PeerPulse Of(int rank)
    {
        Partner partner = _partners.Single(partner => partner.Rank == rank);
        long now = _time.Milliseconds();
        return new(TimeSpan.FromMilliseconds(now - partner.Heard), TimeSpan.FromMilliseconds(now - partner.Progressed), partner.Step, partner.Progress, LastApplied(rank));
    }

    /// <summary>Ranks that are connected, and whose signs of life have been missing for half as long as it takes to suspect them; ascending.</summary>
    public IReadOnlyList<int> Silent
    {
        get
        {
            long now = _time.Milliseconds(), patience = Volatile.Read(ref _silenceLimit) / 2;
            return [.. from partner in _partners
                       where !partner.IsOver && now - Volatile.Read(ref partner.Heard) > patience
                       orderby partner.Rank
                       select partner.Rank];
        }
    }

    /// <summary>Waits until every member has applied a step; for the boundaries at which a generation may end.</summary>
    /// <param name="step">The step; this rank must have applied it.</param>
    /// <param name="deadline">How long.</param>
    /// <exception cref="PeerLostException">Some have not by then, or their connection has ended.</exception>
    /// <exception cref="DigestMismatchException">They have, with different bits.</exception>
    public void WaitAllApplied(long step, TimeSpan deadline)
    {
        long end = _time.Milliseconds() + (long)deadline.TotalMilliseconds;
        lock (_changed)
            while (true)
            {
                int[] missing = [.. Enumerable.Range(0, _plan.WorldSize).Where(rank => _digests.Last(rank) < step)];
                if (missing.Length == 0) break;
                int[] over = [.. _partners.Where(partner => partner.IsOver && missing.Contains(partner.Rank)).Select(partner => partner.Rank)];
                long left = end - _time.Milliseconds();
                if (over.Length > 0 || left <= 0)
                    throw new PeerLostException(over.Length > 0 ? over : missing, over.Length > 0 ? PeerLossReason.Closed : PeerLossReason.NoProgress,
                        $"{string.Join(", ", (over.Length > 0 ? over : missing).Select(_plan.Name))} did not say that step {step} was applied");
                Monitor.Wait(_changed, TimeSpan.FromMilliseconds(left));
            }
        if (_digests.Mismatch(step) is { } mismatch) throw mismatch;
    }

    /// <summary>Says goodbye and ends the thread.</summary>
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
            // After a pause of this process itself nobody has had a chance to be heard.
            if (now - lastRound > Volatile.Read(ref _silenceLimit) / 2)
                foreach (Partner partner in _partners) partner.Heard = partner.Progressed = now;
            lastRound = now;
            if (now >= due)
            {
                SendBeats();
                due = now + (long)_options.Period.TotalMilliseconds;
            }
            foreach (Partner partner in _partners)
                if (!partner.IsOver) Hear(partner, now);
            // Until the next beat, or until a peer has been silent for too long, whatever comes first.
            long wake = _partners.Where(partner => !partner.IsOver && !partner.IsSuspected).Select(partner => partner.Heard + Volatile.Read(ref _silenceLimit) + 1).Append(due).Min();
            ControlChannel.WaitForAny(_partners.Where(partner => !partner.IsOver).Select(partner => partner.Channel), TimeSpan.FromMilliseconds(Math.Max(0, wake - _time.Milliseconds())));
        }
        foreach (Partner partner in _partners)
            if (!partner.IsOver) partner.Channel.Send(FrameKind.Leave);
    }

    private void SendBeats()
    {
        long step, applied;
        int progress;
        ulong digest;
        lock (_reporting) ((step, progress), (applied, digest)) = (_report, _applied);
        foreach (Partner partner in _partners)
        {
            if (partner.IsOver) continue;
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
                if (frame.Kind == FrameKind.Applied) Note(partner.Rank, frame.Step, frame.Value);
                if (frame.Kind == FrameKind.Leave) partner.HasLeft = true;
            }
        }
        catch (LinkException failure)
        {
            if (failure.Cause is { } cause) Rejections.Count(cause);
            partner.IsOver = true;
            if (!partner.HasLeft) _options.Suspected?.Invoke(partner.Rank, failure.Reason);
            lock (_changed) Monitor.PulseAll(_changed);
            return;
        }
        PeerLossReason? reason = now - partner.Heard > Volatile.Read(ref _silenceLimit) ? PeerLossReason.NoProgress : IsStuck(partner, now) ? PeerLossReason.Stuck : null;
        if (reason is { } seen && !partner.IsSuspected) _options.Suspected?.Invoke(partner.Rank, seen);
        partner.IsSuspected = reason is not null;
    }

    /// <summary>Whether this rank has been waiting for too long for one that is behind it and does not come on.</summary>
    private bool IsStuck(Partner partner, long now)
    {
        lock (_reporting)
            return (partner.Step, partner.Progress).CompareTo(_report) < 0 && now - Math.Max(partner.Progressed, _reported) > Volatile.Read(ref _progressLimit);
    }

    private void Note(int rank, long step, ulong digest)
    {
        if (!_digests.Note(rank, step, digest)) return;
        lock (_changed) Monitor.PulseAll(_changed);
        if (_digests.Mismatch(step) is { } mismatch) _options.Differed?.Invoke(mismatch);
    }

    /// <summary>Another member. Written by the loop's thread alone.</summary>
    private sealed class Partner(int rank, ControlChannel channel)
    {
        public int Rank => rank;
        public ControlChannel Channel => channel;
        public long Heard, Progressed, Step = -1;
        public int Progress;
        public bool IsSuspected, HasLeft;
        public volatile bool IsOver;
    }
}
