using Spikeformer.Contracts;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>
/// Where a worker's two sides meet: the compute thread writes what it does and reads what it should do; the control loop carries both to and
/// from the run. Neither ever waits for the other's network.
/// </summary>
/// <param name="info">The worker.</param>
/// <param name="time">Monotonic clock.</param>
internal sealed class MemberBoard(WorkerInfo info, TimeProvider time)
{
    private static readonly IReadOnlyDictionary<string, string> NoFingerprint = new Dictionary<string, string>();
    private static readonly Func<IReadOnlyList<string>> NobodyIsSilent = () => [];

    private const int TimedSteps = 9, Patience = 10;
    private static readonly TimeSpan LeastPatience = TimeSpan.FromSeconds(10), LonePatience = TimeSpan.FromSeconds(30), Standstill = TimeSpan.FromSeconds(5);

    private readonly object _gate = new();
    private readonly SemaphoreSlim _news = new(0);
    private readonly List<StepCommit> _commits = [];
    private readonly List<EpochResult> _epochs = [];
    private readonly List<ClusterEvent> _events = [];
    private readonly Queue<ClusterEvent> _toWrite = [];
    private readonly CancellationTokenSource _released = new();
    private WorkerPhase _phase = WorkerPhase.Preparing;
    private GenerationPlan? _current, _attended, _ordered;
    private MemberAction _action = MemberAction.Wait;
    private IReadOnlyList<string> _lost = [];
    private Func<IReadOnlyList<string>> _silent = NobodyIsSilent;
    private IReadOnlyDictionary<string, string> _fingerprint = NoFingerprint;
    private WorkerFailure? _failure;
    private RunOutcome? _outcome;
    private Guid _startId;
    private long _step, _sequence, _eventsReceived, _eventsWritten;
    private int _stepsPerEpoch, _trainSamples;
    private readonly Queue<double> _secondsPerShard = [];
    private bool _wantsToLeave, _isFingerprintKnown;
    private CancellationTokenSource _over = new(), _superseded = new();
    private readonly Dictionary<WorkerPhase, TimeSpan> _longestStages = [];
    private long _cameOn;
    private long? _overSince, _asked;

    /// <summary>The worker.</summary>
    public WorkerInfo Info => info;

    /// <summary>Cancelled when the run needs this worker no more.</summary>
    public CancellationToken Released => _released.Token;

    /// <summary>Cancelled when the generation that this worker is in, or follows, can commit nothing more, or the run needs this worker no more. Until
    /// its members are connected any newer generation ends it: they may never come.</summary>
    public CancellationToken Over
    {
        get
        {
            lock (_gate) return _over.Token;
        }
    }

    /// <summary>Released when there is something that the run should hear at once.</summary>
    public SemaphoreSlim News => _news;

    /// <summary>What the worker is doing, and at which step.</summary>
    public (WorkerPhase Phase, long Step) Now
    {
        get
        {
            lock (_gate) return (_phase, _step);
        }
    }

    /// <summary>Whether the compute thread hangs: its generation ended long ago, as its own stages go, and it has not come on since; or there are no
    /// peers that would end its generation, and it is in a stage that took it far less time before. To be asked often: between two questions that
    /// lie far apart the whole process stood still.</summary>
    public bool IsStuck()
    {
        lock (_gate)
        {
            long now = time.GetTimestamp();
            if (_asked is { } asked && time.GetElapsedTime(asked, now) > Standstill) (_cameOn, _overSince) = (now, _overSince is null ? null : now);
            _asked = now;
            if (_overSince is { } since) return time.GetElapsedTime(since, now) > LeastPatience + Patience * _longestStages.Values.DefaultIfEmpty().Max();
            return _current is { Members.Count: 1 } && IsInside && _longestStages.TryGetValue(_phase, out TimeSpan longest)
                && time.GetElapsedTime(_cameOn, now) > LonePatience + Patience * longest;
        }
    }

    // The compute thread's side.

    /// <summary>Begins a phase.</summary>
    public void Enter(WorkerPhase phase, long step)
    {
        lock (_gate)
        {
            bool isUrgent = phase is WorkerPhase.Ready or WorkerPhase.Following && _phase != phase;
            ComesOn();
            (_phase, _step) = (phase, step);
            if (phase is WorkerPhase.Ready) _outcome = null;
            if (isUrgent) _news.Release();
        }
    }

    /// <summary>Tells from now on which start of the run the worker serves.</summary>
    public void Serve(Guid startId)
    {
        lock (_gate) _startId = startId;
    }

    /// <summary>Tells what the worker brings along, once it has prepared.</summary>
    public void Prepared(IReadOnlyDictionary<string, string> fingerprint, int stepsPerEpoch, int trainSamples)
    {
        lock (_gate) (_fingerprint, _stepsPerEpoch, _trainSamples) = (fingerprint, stepsPerEpoch, trainSamples);
    }

    /// <summary>Is in a generation from now on.</summary>
    public void Join(GenerationPlan plan)
    {
        lock (_gate)
        {
            ComesOn();
            (_current, _lost, _silent, _phase) = (plan, [], NobodyIsSilent, WorkerPhase.Connecting);
            _secondsPerShard.Clear();
            _longestStages.Clear();
            Attend(plan);
        }
    }

    /// <summary>Follows a generation from now on, without being in it.</summary>
    /// <returns>Cancelled when the run has another one, or needs this worker no more.</returns>
    public CancellationToken Follow(GenerationPlan plan)
    {
        lock (_gate)
        {
            Attend(plan);
            return _superseded.Token;
        }
    }

    /// <summary>Hears the other members from now on.</summary>
    /// <param name="silent">Who of them is silent; asked by the control loop for each report.</param>
    public void Hear(Func<IReadOnlyList<string>> silent)
    {
        lock (_gate) _silent = silent;
    }

    /// <summary>A member is believed lost: the run hears of it at once, also while the computation goes on.</summary>
    public void Suspect(string worker)
    {
        lock (_gate)
        {
            if (_phase is WorkerPhase.Sealed) return;
            _lost = [.. _lost, worker];
            _news.Release();
        }
    }

    /// <summary>The generation has ended by a loss: nothing of it will be applied any more.</summary>
    /// <param name="lost">Who is lost, as this worker or a peer believes.</param>
    /// <param name="silent">Whom this worker itself does not hear, or could not connect.</param>
    public void Seal(IReadOnlyList<string> lost, IReadOnlyList<string> silent)
    {
        lock (_gate)
        {
            ComesOn();
            (_phase, _lost, _silent) = (WorkerPhase.Sealed, lost, () => silent);
            _news.Release();
        }
    }

    /// <summary>A step was committed; the lead tells the run.</summary>
    /// <param name="commit">The step.</param>
    /// <param name="isLead">Whether this worker is the lead.</param>
    /// <param name="secondsPerShard">How long it computed on a shard; null where that says nothing.</param>
    public void Committed(StepCommit commit, bool isLead, double? secondsPerShard)
    {
        lock (_gate)
        {
            if (isLead) _commits.Add(commit);
            if (secondsPerShard is not { } seconds) return;
            _secondsPerShard.Enqueue(seconds);
            if (_secondsPerShard.Count > TimedSteps) _secondsPerShard.Dequeue();
        }
    }

    /// <summary>An epoch was evaluated; the lead tells the run.</summary>
    public void Evaluated(EpochResult epoch)
    {
        lock (_gate) _epochs.Add(epoch);
    }

    /// <summary>Something for the event log.</summary>
    public void Happened(string kind, string message, DateTimeOffset time)
    {
        lock (_gate)
        {
            _events.Add(new() { Kind = kind, Message = message, Time = time, Step = _step });
            // At once: what only this process knows is lost with it.
            _news.Release();
        }
    }

    /// <summary>The worker cannot go on with the run.</summary>
    public void Fail(WorkerFailure failure)
    {
        lock (_gate)
        {
            _failure = failure;
            _news.Release();
        }
    }

    /// <summary>The lead's account of how the run ended.</summary>
    public void End(RunOutcome outcome)
    {
        lock (_gate)
        {
            (_outcome, _phase) = (outcome, WorkerPhase.Done);
            _news.Release();
        }
    }

    /// <summary>Whether the run wants a stop, and the newest generation it has announced to this worker.</summary>
    public (GenerationPlan? Plan, bool MustStop) Orders
    {
        get
        {
            lock (_gate) return (_ordered, _action is MemberAction.Stop);
        }
    }

    /// <summary>Whether this worker was asked to end.</summary>
    public bool IsLeaving
    {
        get
        {
            lock (_gate) return _wantsToLeave;
        }
    }

    /// <summary>Waits for a generation other than the one given.</summary>
    /// <returns>The generation, or null once the run needs this worker no more.</returns>
    public GenerationPlan? Await(GenerationPlan? known)
    {
        lock (_gate)
        {
            while (!_released.IsCancellationRequested)
            {
                if (_ordered is { } plan && !plan.IsSameAs(known) && _action is not MemberAction.Wait) return plan;
                Monitor.Wait(_gate);
            }
            return null;
        }
    }

    /// <summary>Waits, once a generation has ended in order, until the run has no use for it any more.</summary>
    public void AwaitEndOf(GenerationPlan plan)
    {
        lock (_gate)
            while (!_released.IsCancellationRequested && plan.IsSameAs(_ordered)) Monitor.Wait(_gate);
    }

    /// <summary>Events that the lead is to append to the run's log, in order.</summary>
    public IReadOnlyList<ClusterEvent> TakeEvents()
    {
        lock (_gate)
        {
            ClusterEvent[] events = [.. _toWrite];
            _toWrite.Clear();
            return events;
        }
    }

    /// <summary>They are in the log.</summary>
    public void Wrote(long lastEvent)
    {
        lock (_gate) _eventsWritten = Math.Max(_eventsWritten, lastEvent);
    }

    // The control loop's side.

    /// <summary>Asks to leave at the next boundary.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            _wantsToLeave = true;
            _news.Release();
        }
    }

    /// <summary>The next report; what it tells stays here until <see cref="Answered"/>.</summary>
    public MemberReport Compose()
    {
        lock (_gate)
            return new()
            {
                Info = info,
                Sequence = ++_sequence,
                Phase = _phase,
                Step = _step,
                Generation = _current?.Number ?? 0,
                Nonce = _current?.Nonce ?? default,
                Fingerprint = _isFingerprintKnown ? NoFingerprint : _fingerprint,
                WantsToLeave = _wantsToLeave,
                Lost = _lost,
                Silent = _silent(),
                Commits = _commits.ToArray(),
                Epochs = _epochs.ToArray(),
                Events = _events.ToArray(),
                Failure = _failure,
                Outcome = _outcome,
                StepsPerEpoch = _stepsPerEpoch,
                TrainSamples = _trainSamples,
                // A median: neither the first steps of a process nor a single slow one say how fast it is.
                SecondsPerShard = _secondsPerShard.Count < TimedSteps ? 0 : _secondsPerShard.Order().ElementAt(TimedSteps / 2),
                EventsWritten = _eventsWritten,
                Known = _ordered?.Nonce ?? default,
                StartId = _startId,
            };
    }

    /// <summary>The run has taken a report in: what it told need not be told again, and its order holds.</summary>
    public void Answered(MemberReport report, MemberOrder order)
    {
        lock (_gate)
        {
            _commits.RemoveRange(0, report.Commits.Count);
            _epochs.RemoveRange(0, report.Epochs.Count);
            _events.RemoveRange(0, report.Events.Count);
            (_action, _ordered) = (order.Action, order.IsPlanKnown ? _ordered : order.Plan);
            _isFingerprintKnown = order.IsFingerprintKnown;
            foreach (ClusterEvent what in order.Events.Where(what => what.Sequence > _eventsReceived))
            {
                _toWrite.Enqueue(what);
                _eventsReceived = what.Sequence;
            }
            if (order.Action is MemberAction.Release) _released.Cancel();
            EndWhenOver();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Ends the waiting when the control loop ends.</summary>
    public void Release()
    {
        lock (_gate)
        {
            _released.Cancel();
            Monitor.PulseAll(_gate);
        }
    }

    private void Attend(GenerationPlan plan)
    {
        _attended = plan;
        _over.Dispose();
        _superseded.Dispose();
        _over = CancellationTokenSource.CreateLinkedTokenSource(_released.Token);
        _superseded = CancellationTokenSource.CreateLinkedTokenSource(_released.Token);
        EndWhenOver();
    }

    private void EndWhenOver()
    {
        if (_attended is not { } attended || attended.IsSameAs(_ordered)) return;
        _superseded.Cancel();
        bool isSealed = _ordered is null || _ordered.SealedThrough >= attended.Number;
        if (!isSealed && _phase is not WorkerPhase.Connecting) return;
        _over.Cancel();
        if (IsInside) _overSince ??= time.GetTimestamp();
    }

    private bool IsInside => _phase is WorkerPhase.Connecting or WorkerPhase.Aligning or WorkerPhase.Computing or WorkerPhase.Reducing or WorkerPhase.Applying
        or WorkerPhase.Evaluating;

    /// <summary>The compute thread leaves the stage that it is in.</summary>
    private void ComesOn()
    {
        long now = time.GetTimestamp();
        TimeSpan taken = time.GetElapsedTime(_cameOn, now);
        if (taken > _longestStages.GetValueOrDefault(_phase)) _longestStages[_phase] = taken;
        (_cameOn, _overSince) = (now, null);
    }
}
