using Spikeformer.Clustering;
using Spikeformer.Metrics;

namespace Spikeformer.Runs;

/// <inheritdoc cref="IRunGrain"/>
/// <remarks>A thin shell: <see cref="RunTransitions"/> decides, and this grain writes the decision and then announces it in replies to reports and in
/// the news. It never calls a worker; workers ask.</remarks>
[ControlPlacement, KeepAlive]
public sealed class RunGrain([PersistentState("run", "runs")] IPersistentState<RunRecord> stored, TimeProvider time) : Grain, IRunGrain
{
    private const int RememberedCommands = 32, RememberedEvents = 512, StoredEvents = 64, RememberedCommits = 2048;
    private const double SteadyInterval = 0.25, SealedInterval = 0.02; // seconds between reports
    private static readonly TimeSpan TickPeriod = TimeSpan.FromMilliseconds(100), ShareInterval = TimeSpan.FromSeconds(2), UnevenPatience = TimeSpan.FromSeconds(3);

    private readonly Queue<ClusterEvent> _events = [];
    private readonly Queue<StepCommit> _commits = [];
    private readonly List<EpochResult> _epochs = [];
    private readonly Throughput _throughput = new(time);
    private readonly GenerationPace _pace = new(time);
    private Roster _roster = new(time);
    private RunRecord _record = new();
    private Task _sharing = Task.CompletedTask;
    private PlanMember? _lead;
    private IReadOnlyDictionary<string, string> _leftOut = new Dictionary<string, string>();
    private string? _shortage;
    private bool _mustShare, _mustSuspend;
    private long _lastEvent, _lastShared;
    private int _stepsPerEpoch, _trainSamples;
    private long? _unevenSince;
    private StepCommit? _lastCommit;
    private RunSeries? _series;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _record = stored.State;
        _lastEvent = _record.LastEvent;
        _lead = _record.Plan?.Members[0];
        foreach (ClusterEvent what in _record.Events) _events.Enqueue(what);
        _series = new(this.GetPrimaryKeyString(), SeriesStore.OfThisProcess, time);
        _series.Decided(_record);
        this.RegisterGrainTimer(Tick, new GrainTimerCreationOptions { DueTime = TickPeriod, Period = TickPeriod, KeepAlive = true });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _series?.Leave();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<CommandReply> Start(RunCommand command, RunSpec spec) => Obey(command, () => spec.Name == this.GetPrimaryKeyString()
        ? Begin(RunTransitions.Start(_record, spec with { StartId = command.Id }, time.GetUtcNow()))
        : Decision.Refuse(_record, ErrorKind.Usage, $"Run {this.GetPrimaryKeyString()} cannot start under the name {spec.Name}", "Use one name"));

    /// <inheritdoc/>
    public Task<CommandReply> Resume(RunCommand command, RunChanges changes) =>
        Obey(command, () => Begin(RunTransitions.Resume(_record, changes, command.Id, time.GetUtcNow())));

    /// <inheritdoc/>
    public Task<CommandReply> Stop(RunCommand command) => Obey(command, () => RunTransitions.Stop(_record, time.GetUtcNow()));

    /// <inheritdoc/>
    public Task<CommandReply> Cancel(RunCommand command) => Obey(command, () => RunTransitions.Cancel(_record, time.GetUtcNow()));

    /// <inheritdoc/>
    public async Task<MemberOrder> Report(MemberReport report)
    {
        // The failure of an earlier start does not concern this one. A worker that still serves that start is released and joins again.
        if (report.StartId != default && report.StartId != _record.Spec?.StartId) return new() { Action = MemberAction.Release };
        if (_roster.Accept(report, out bool isUrgent)) await TakeIn(report);
        // Everything else waits for the next tick: with many members, looking at all of them for every report would take all the time.
        if (isUrgent) await Plan();
        // The next generation is planned without the members that have not reported by then. Waiting for the next tick would be noticeable.
        if (isUrgent && report.Phase is WorkerPhase.Sealed && _roster.IsBroken(_record.Plan))
            this.RegisterGrainTimer(Plan, new GrainTimerCreationOptions { DueTime = Roster.SealingLimit + TimeSpan.FromMilliseconds(5), Period = Timeout.InfiniteTimeSpan });
        WorkerInfo info = report.Info;
        string? leftOut = _leftOut.GetValueOrDefault(info.Worker);
        MemberAction action = RunTransitions.ActionFor(_record, report, _mustSuspend, leftOut is not null);
        if (action is MemberAction.Release && report.Phase is WorkerPhase.Done) _roster.Remove(info.Worker);
        bool isPlanKnown = _record.Plan is { } plan && plan.Nonce == report.Known;
        return new()
        {
            Action = action,
            Plan = isPlanKnown ? null : _record.Plan,
            IsPlanKnown = isPlanKnown,
            ReportWithinSeconds = report.Phase is WorkerPhase.Sealed ? SealedInterval : SteadyInterval,
            IsFingerprintKnown = _roster.ReportOf(info.Worker) is { Fingerprint.Count: > 0 } known && known.Info.Incarnation == info.Incarnation,
            Spec = report.Phase is WorkerPhase.Idle or WorkerPhase.Preparing ? _record.Spec : null,
            Events = IsLead(report) ? _events.Where(what => what.Sequence > report.EventsWritten).ToArray() : [],
            Reason = _record.Failure?.ToException().Message ?? leftOut ?? _shortage,
        };
    }

    /// <inheritdoc/>
    public Task<RunStatus> Status() => Task.FromResult(RunView.Status(this.GetPrimaryKeyString(), _record, _roster) with
    {
        Step = _record.Outcome?.Step ?? _lastCommit?.Step ?? FirstStep,
        StepsPerEpoch = _stepsPerEpoch,
        TotalSteps = (long)_stepsPerEpoch * _record.Epochs,
        LastCommit = _lastCommit,
        LastEpoch = _epochs.LastOrDefault(),
        SamplesPerSecond = _throughput.SamplesPerSecond,
    });

    /// <inheritdoc/>
    public async Task<RunNews> News(NewsPosition since) => new()
    {
        Status = await Status(),
        Events = _events.Where(what => what.Sequence > since.Event).ToArray(),
        Commits = _commits.Where(commit => commit.Step > since.Step).ToArray(),
        Epochs = _epochs.Where(epoch => epoch.Epoch >= since.Epochs).ToArray(),
    };

    /// <summary>The number of the run's first step; 0 until the steps of an epoch are known.</summary>
    private long FirstStep => (long)_stepsPerEpoch * (_record.Spec?.StartEpoch ?? 0);

    /// <summary>Forgets the workers of an earlier start.</summary>
    private Decision Begin(Decision decision)
    {
        if (decision.Refusal is not null) return decision;
        _roster = new(time);
        (_leftOut, _shortage) = (new Dictionary<string, string>(), null);
        _commits.Clear();
        _epochs.Clear();
        (_lastCommit, _lead) = (null, null);
        return decision;
    }

    private async Task<CommandReply> Obey(RunCommand command, Func<Decision> decide)
    {
        if (_record.Commands.Any(known => known.Id == command.Id)) return new() { Status = await Status() };
        Decision decision = decide();
        if (decision.Refusal is { } refusal)
            return new() { Status = await Status(), Refusal = refusal.What, ExitCode = (int)refusal.Kind, Remedy = refusal.Remedy };
        AnsweredCommand[] commands = [.. decision.Record.Commands.Append(new() { Id = command.Id }).TakeLast(RememberedCommands)];
        await Commit(decision with { Record = decision.Record with { Commands = commands } }, by: command.By);
        return new() { Status = await Status() };
    }

    /// <summary>Carries out the parts of a report that concern the run itself.</summary>
    private async Task TakeIn(MemberReport report)
    {
        // The lead has written events that this activation does not know of: an earlier one numbered them.
        _lastEvent = Math.Max(_lastEvent, report.EventsWritten);
        if (report.StepsPerEpoch > 0) (_stepsPerEpoch, _trainSamples) = (report.StepsPerEpoch, report.TrainSamples);
        _series?.Reported(report, _record.Plan);
        foreach (StepCommit commit in report.Commits.Where(IsNews))
        {
            if (commit.Step < _lastCommit?.Step) Forget(from: commit.Step);
            Remember(_commits, _lastCommit = commit, RememberedCommits);
            _throughput.Count(commit.Samples);
            _pace.Committed();
        }
        foreach (EpochResult epoch in report.Epochs)
        {
            _epochs.RemoveAll(known => known.Epoch >= epoch.Epoch);
            _epochs.Add(epoch);
        }
        bool isMember = _record.Plan?.MemberOf(report.Info.Worker, report.Info.Incarnation) is not null;
        Decision decision = report switch
        {
            { Failure: { } failure } when isMember || _record.Plan is null => RunTransitions.Fail(_record, failure, time.GetUtcNow()),
            { Outcome: { } outcome } when isMember => RunTransitions.End(_record, outcome, time.GetUtcNow()),
            _ => Decision.None(_record),
        };
        await Commit(decision, [.. report.Events.Select(what => what with { Worker = report.Info.Worker })]);
    }

    /// <summary>Forgets steps that are computed again, because the run has returned to a checkpoint.</summary>
    private void Forget(long from)
    {
        StepCommit[] before = [.. _commits.Where(commit => commit.Step < from)];
        _commits.Clear();
        foreach (StepCommit commit in before) _commits.Enqueue(commit);
    }

    /// <summary>Returns whether this coordinator sees a step's commit for the first time, or the run has returned to a checkpoint.</summary>
    private bool IsNews(StepCommit commit) =>
        _lastCommit is not { } last || commit.Step > last.Step || commit.Generation > last.Generation && commit.Step < last.Step;

    private async Task Plan()
    {
        if (!_roster.IsSettled(_record.Plan) || !_pace.IsDue) return;
        IReadOnlyList<Candidate> candidates = _roster.Candidates(_record, out _leftOut);
        var fingerprint = candidates.FirstOrDefault(candidate => candidate.CanVote) is { } first ? _roster.ReportOf(first.Info.Worker)!.Fingerprint : null;
        await Commit(RunTransitions.Plan(_record, candidates, _roster.IsBroken(_record.Plan), fingerprint, time.GetUtcNow(), MustMove(candidates)), [.. NewlyLeftOut()]);
        _mustSuspend = RunTransitions.MustSuspend(_record, candidates);
        await Tell(_record.State is RunState.WaitingForWorkers ? RunTransitions.MemoryShortage(_record, candidates) : null);
    }

    /// <summary>Announces that the workers' memory is too small. The number of shards changes with the free memory; its first value is kept, so that there
    /// is one event and one line in the workers' logs.</summary>
    private async Task Tell(string? shortage)
    {
        bool isNew = shortage is not null && _shortage is null;
        if (isNew || shortage is null) _shortage = shortage;
        if (isNew && _events.LastOrDefault(what => what.Kind == EventKinds.WaitingForWorkers)?.Message != shortage)
            await Commit(Decision.None(_record),
                [new() { Time = time.GetUtcNow(), Kind = EventKinds.WaitingForWorkers, Step = _lastCommit?.Step ?? 0, Message = shortage! }]);
    }

    /// <summary>An event for each worker that is left out, once for each reason and start of the run.</summary>
    private IEnumerable<ClusterEvent> NewlyLeftOut() => !RunStates.WantsWorkers(_record.State) ? []
        : from worker in _leftOut
          let message = $"Worker {worker.Key} is {worker.Value}"
          where !_events.Reverse().TakeWhile(what => what.Kind is not (EventKinds.Accepted or EventKinds.Resumed)).Any(what => what.Kind == EventKinds.LeftOut && what.Message == message)
          select new ClusterEvent { Time = time.GetUtcNow(), Kind = EventKinds.LeftOut, Step = _lastCommit?.Step ?? 0, Message = message, Worker = worker.Key };

    /// <summary>Returns whether a member has been slower than the others for long enough that shards should move.</summary>
    private bool MustMove(IReadOnlyList<Candidate> candidates)
    {
        bool isUneven = _record is { State: RunState.Running, Plan: { } plan } && candidates.Count >= plan.Members.Count
            && GenerationPlanner.IsWorthMoving(plan, [.. plan.Members.Select(member => candidates.FirstOrDefault(candidate => candidate.Info.Worker == member.Worker)).OfType<Candidate>()]);
        _unevenSince = isUneven ? _unevenSince ?? time.GetTimestamp() : null;
        if (_unevenSince is not { } since || time.GetElapsedTime(since) < UnevenPatience) return false;
        _unevenSince = null;
        return true;
    }

    /// <summary>Writes a decision and events, then announces them. After a failed write, another activation decides from the stored state.</summary>
    private async Task Commit(Decision decision, IReadOnlyList<ClusterEvent>? reported = null, string? by = null)
    {
        bool isDecided = !ReferenceEquals(decision.Record, _record);
        if (decision.Record.LastNumber > _record.LastNumber) _pace.Planned();
        if (!isDecided && reported is null or []) return;
        IEnumerable<ClusterEvent> decided = decision.Events.Select(what =>
            new ClusterEvent { Time = time.GetUtcNow(), Kind = what.Kind, Step = _lastCommit?.Step ?? 0, Message = what.Message, By = by });
        ClusterEvent[] news = [.. (reported ?? []).Concat(decided).Select((what, i) => what with { Sequence = _lastEvent + 1 + i })];
        stored.State = decision.Record with { LastEvent = _lastEvent + news.Length, Events = _record.Events.Concat(news).TakeLast(StoredEvents).ToArray() };
        try
        {
            await stored.WriteStateAsync();
        }
        catch
        {
            DeactivateOnIdle();
            throw;
        }
        _record = stored.State;
        _lastEvent = _record.LastEvent;
        _lead = _record.Plan?.Members[0] ?? _lead;
        if (isDecided) _series?.Decided(_record);
        foreach (ClusterEvent what in news) Remember(_events, what, RememberedEvents);
        if (isDecided) Share();
    }

    private async Task Tick()
    {
        await Plan();
        if (_mustShare || RunStates.WantsWorkers(_record.State) && time.GetElapsedTime(_lastShared) >= ShareInterval) Share();
    }

    /// <summary>Begins to send the run's status to the directory and the shards, which only show it. Nothing waits for that, and the next call makes up
    /// for a lost one.</summary>
    private void Share()
    {
        _mustShare = !_sharing.IsCompleted;
        if (_mustShare) return;
        _lastShared = time.GetTimestamp();
        _sharing = ShareNow();
    }

    private async Task ShareNow()
    {
        RunStatus status = await Status();
        _series?.Show(status);
        int workers = _roster.Serving(_record);
        try
        {
            await GrainFactory.GetGrain<IRunDirectoryGrain>(0).Update(new()
            {
                Run = status.Run, State = status.State, Created = status.Created, Workers = workers, Step = status.Step, TotalSteps = status.TotalSteps,
                WantedWorkers = RunTransitions.WantedWorkers(_record, workers),
            });
            await Task.WhenAll(ShardUpdates().Select((update, shard) => GrainFactory.GetGrain<IShardGrain>($"{status.Run}/{shard}").Update(update)).ToArray());
        }
        catch (Exception error) when (GrainCalls.IsTransient(error) || error is OrleansException)
        {
            _mustShare = true;
        }
    }

    /// <summary>The news for each shard, in shard order.</summary>
    private IEnumerable<ShardUpdate> ShardUpdates()
    {
        var update = new ShardUpdate { Generation = _record.LastNumber, Step = _lastCommit?.Step ?? 0, Basis = RunView.Ledger(_record, _trainSamples) };
        if (_record.Plan is not { } plan) return Enumerable.Repeat(update, _record.Shards);
        return from owner in plan.Members
               let owned = update with { Owner = owner.Worker, SecondsPerStep = _roster.ReportOf(owner.Worker)?.SecondsPerShard ?? 0 }
               from shard in Enumerable.Repeat(owned, owner.EndShard - owner.FirstShard)
               select shard;
    }

    /// <summary>Returns whether a worker writes the event log: it is rank 0 of the newest generation, also after the end of the run.</summary>
    private bool IsLead(MemberReport report) => report.Outcome is not null
        || _lead is { } lead && lead.Worker == report.Info.Worker && lead.Incarnation == report.Info.Incarnation;

    private static void Remember<T>(Queue<T> queue, T item, int most)
    {
        queue.Enqueue(item);
        if (queue.Count > most) queue.Dequeue();
    }
}
