namespace Spikeformer.Silo.Worker.Session;

/// <summary>Connects a worker's two sides: the compute thread reports its work here and reads its orders; the control loop carries both to and from the run.
/// Neither side ever waits for the other's network.</summary>
internal sealed class MemberBoard(WorkerInfo info, TimeProvider time)
{
    private readonly object _gate = new();
    private readonly ReportDraft _draft = new(info);
    private readonly MemberOrders _orders = new();
    private readonly StuckWatch _watch = new(time);
    private GenerationPlan? _joined;
    private volatile Func<int> _capacity = () => int.MaxValue;

    public WorkerInfo Info => info;

    /// <summary>Released when there is something to report at once.</summary>
    public SemaphoreSlim News { get; } = new(0);

    /// <summary>The worker's phase, and its committed steps.</summary>
    public (WorkerPhase Phase, long Step) Status => Read(() => (Phase, _draft.Current.Step));

    public CancellationToken Released => _orders.Released;

    /// <summary>Cancelled when the generation that this worker serves can commit nothing more, and with <see cref="Released"/>. Until its members are
    /// connected, any newer generation ends it: they may never be.</summary>
    public CancellationToken Ended => Read(() => _orders.Ended);

    private WorkerPhase Phase => _draft.Current.Phase;

    private int Owned => _joined?.MemberOf(info.Worker, info.Incarnation) is { } own ? own.EndShard - own.FirstShard : 1;

    // The compute thread reads its orders.

    /// <summary>The newest generation that the run has announced to this worker, and whether the run wants a stop.</summary>
    public (GenerationPlan? Newest, bool MustStop) Orders => Read(() => (_orders.Newest, _orders.MustStop));

    /// <summary>Whether this worker was asked to leave the run.</summary>
    public bool IsLeaving => Read(() => _draft.Current.WantsToLeave);

    /// <summary>Waits for a generation to serve.</summary>
    /// <param name="known">The generation served last.</param>
    /// <returns>A newer one, or null once the run no longer needs this worker.</returns>
    public GenerationPlan? AwaitGeneration(GenerationPlan? known)
    {
        lock (_gate)
        {
            while (!Released.IsCancellationRequested)
            {
                if (_orders.After(known) is { } plan) return plan;
                Monitor.Wait(_gate);
            }
            return null;
        }
    }

    /// <summary>Waits, after the last step of a generation, until the run replaces it or no longer needs this worker.</summary>
    public void AwaitEnd(GenerationPlan plan)
    {
        lock (_gate)
            while (!Released.IsCancellationRequested && plan.IsSameAs(_orders.Newest)) Monitor.Wait(_gate);
    }

    /// <summary>Takes the events that the lead appends to the run's log, in order.</summary>
    public IReadOnlyList<ClusterEvent> TakeEvents() => Read(_orders.TakeEvents);

    // The compute thread reports its work.

    public void Enter(WorkerPhase phase, long step)
    {
        lock (_gate)
        {
            bool isUrgent = phase is WorkerPhase.Ready or WorkerPhase.Following && Phase != phase;
            _watch.Leave(Phase);
            Report(current => current with { Phase = phase, Step = step, Outcome = phase is WorkerPhase.Ready ? null : current.Outcome }, isUrgent);
        }
    }

    public void Begin(Guid startId) => Report(current => current with { StartId = startId });

    /// <summary>Has prepared the run. Each report asks anew how many shards fit into this worker's memory.</summary>
    public void Prepared(IReadOnlyDictionary<string, string> fingerprint, int stepsPerEpoch, int trainSamples, Func<int> capacity)
    {
        _capacity = capacity;
        Report(current => current with { Fingerprint = fingerprint, StepsPerEpoch = stepsPerEpoch, TrainSamples = trainSamples });
    }

    /// <summary>Votes in a generation.</summary>
    public void Join(GenerationPlan plan)
    {
        lock (_gate)
        {
            _watch.Leave(Phase);
            _watch.Restart();
            _joined = plan;
            _draft.Join(plan);
            Serve(plan);
        }
    }

    /// <summary>Follows a generation without voting in it.</summary>
    /// <returns>Cancelled when the run has another one, or no longer needs this worker.</returns>
    public CancellationToken Follow(GenerationPlan plan)
    {
        lock (_gate)
        {
            Serve(plan);
            return _orders.Superseded;
        }
    }

    /// <summary>Watches the other members. Each report asks anew which workers give no sign of life.</summary>
    public void Watch(Func<IReadOnlyList<string>> silent)
    {
        lock (_gate) _draft.Silent = silent;
    }

    /// <summary>Believes a member lost. The run is told at once, even while the computation continues.</summary>
    public void Suspect(string worker)
    {
        lock (_gate)
            if (Phase is not WorkerPhase.Sealed) Report(current => current with { Lost = [.. current.Lost, worker] }, isUrgent: true);
    }

    /// <summary>The generation ended with a lost peer: nothing of it is applied any more.</summary>
    /// <param name="lost">The workers that this worker or a peer believes lost.</param>
    /// <param name="silent">The workers that this worker itself does not hear, or could not connect.</param>
    public void Seal(IReadOnlyList<string> lost, IReadOnlyList<string> silent)
    {
        lock (_gate)
        {
            _watch.Leave(Phase);
            _draft.Silent = () => silent;
            Report(current => current with { Phase = WorkerPhase.Sealed, Lost = lost }, isUrgent: true);
        }
    }

    /// <summary>Takes in a committed step, which only the lead reports. Times that are not typical are null.</summary>
    public void Committed(StepCommit commit, bool isLead, double? secondsPerShard)
    {
        lock (_gate)
        {
            if (isLead) _draft.Commits.Add(commit);
            if (secondsPerShard is { } seconds) _draft.Time(seconds);
        }
    }

    public void Evaluated(EpochResult epoch)
    {
        lock (_gate) _draft.Epochs.Add(epoch);
    }

    /// <summary>An event occurred. The run is told at once: what only this process knows is lost with it.</summary>
    public void Happened(string kind, string message, DateTimeOffset time)
    {
        lock (_gate)
        {
            _draft.Events.Add(new() { Kind = kind, Message = message, Time = time, Step = _draft.Current.Step });
            News.Release();
        }
    }

    public void Logged(long lastEvent) => Report(current => current with { EventsWritten = Math.Max(current.EventsWritten, lastEvent) });

    public void Fail(WorkerFailure failure) => Report(current => current with { Failure = failure }, isUrgent: true);

    /// <summary>The lead's report of how the run ended.</summary>
    public void End(RunOutcome outcome) => Report(current => current with { Outcome = outcome, Phase = WorkerPhase.Done }, isUrgent: true);

    // The control loop's side.

    /// <summary>Asks to leave the run at the next boundary.</summary>
    public void Leave() => Report(current => current with { WantsToLeave = true }, isUrgent: true);

    /// <summary>The next report. What it tells stays here until <see cref="Answered"/>.</summary>
    public MemberReport Compose()
    {
        // It reads files of the system, which the compute thread must not wait for.
        int capacity = _capacity();
        return Read(() => _draft.Compose(_orders.Newest) with { Capacity = Math.Max(capacity, Owned) });
    }

    public void Answered(MemberReport report, MemberOrder order)
    {
        lock (_gate)
        {
            _draft.Answered(report, order);
            _orders.Take(order);
            EndIfOver();
            Monitor.PulseAll(_gate);
        }
    }

    /// <inheritdoc cref="StuckWatch.IsStuck"/>
    public bool IsStuck() => Read(() => _watch.IsStuck(Phase, isAlone: _joined is { Members.Count: 1 }));

    private T Read<T>(Func<T> read)
    {
        lock (_gate) return read();
    }

    private void Report(Func<MemberReport, MemberReport> change, bool isUrgent = false)
    {
        lock (_gate)
        {
            _draft.Current = change(_draft.Current);
            if (isUrgent) News.Release();
        }
    }

    private void Serve(GenerationPlan plan)
    {
        _orders.Serve(plan);
        EndIfOver();
    }

    private void EndIfOver()
    {
        if (_orders.EndIfOver(isConnecting: Phase is WorkerPhase.Connecting) && StuckWatch.IsWatched(Phase)) _watch.End();
    }
}
