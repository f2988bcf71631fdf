using Spikeformer.Metrics;
using Spikeformer.Recipes;

namespace Spikeformer.Runs;

/// <summary>
/// The metrics of a run, from the reports and decisions of its coordinator. A step counts once, when it is first committed. Steps of a lead that
/// died before it reported them are counted with the next reported step.
/// </summary>
/// <remarks>For one thread. After a change of coordinator, the counts continue in the other silo's series; the run's counts are their sum over the
/// silos, up to the contents of one report.</remarks>
internal sealed class RunSeries
{
    private const string Train = "train", Test = "test";

    private readonly SeriesGroup _group;
    private readonly TimeProvider _time;
    private Guid? _start;
    private GenerationPlan? _plan;
    private RunState _state;
    private int _batch, _stepsPerEpoch, _trainSamples;
    private long _step, _counted = -1;
    private bool _hasCommitted, _isMistrusted, _hasOutcome;
    private (long Since, long Generation)? _recovery;
    private string? _cause;
    private long _accounted;
    private double _training, _lost;

    /// <param name="run">The run.</param>
    /// <param name="store">The store of the series.</param>
    /// <param name="time">Monotonic clock.</param>
    public RunSeries(string run, SeriesStore store, TimeProvider time)
    {
        (_group, _time, _accounted) = (store.OfRun(run), time, time.GetTimestamp());
    }

    /// <summary>Notes that the coordinator has begun, or has made a decision.</summary>
    public void Decided(RunRecord record)
    {
        bool isNews = record.State != _state || record.Spec?.StartId != _start;
        if (record.Spec is not { } spec || RunStates.IsOver(record.State) && (_state is RunState.None || RunStates.IsOver(_state))) return;
        Account();
        if (spec.StartId != _start) Begin(spec);
        if (isNews)
            foreach (RunState state in Enum.GetValues<RunState>())
                if (state is not RunState.None) _group.Set(Catalogue.RunState, state == record.State ? 1 : 0, StateNames.Of(state));
        // Members that are not enough save before they wait for more; that is no loss.
        if (_plan is { } old && !_hasOutcome && !RunStates.IsOver(record.State) && (record.Plan?.SealedThrough ?? old.Number) >= old.Number) Lose(old);
        _group.Set(Catalogue.Generation, record.LastNumber);
        _group.Set(Catalogue.WorldSizeMin, spec.MinWorkers);
        _group.Set(Catalogue.WorldSizeMax, spec.Workers > 0 ? spec.Workers : record.Shards);
        (_state, _plan, _hasOutcome) = (record.State, record.Plan, false);
        _cause = Cause();
        if (!RunStates.IsOver(_state)) return;
        ShowMembers([]);
        _group.End(keepsGauges: true);
    }

    /// <summary>Notes a worker's report.</summary>
    /// <param name="report">The report; not a repeated one.</param>
    /// <param name="plan">The newest generation.</param>
    public void Reported(MemberReport report, GenerationPlan? plan)
    {
        if (report.StepsPerEpoch > 0) (_stepsPerEpoch, _trainSamples) = (report.StepsPerEpoch, report.TrainSamples);
        bool hasSealed = report.Phase is WorkerPhase.Sealed && plan is not null && report.Generation == plan.Number && report.Nonce == plan.Nonce;
        if (report.Events.Count == 0 && report.Commits.Count == 0 && report.Epochs.Count == 0 && report.Outcome is null && !hasSealed) return;
        Account();
        _hasOutcome |= report.Outcome is not null;
        foreach (ClusterEvent what in report.Events) Happened(what);
        if (hasSealed) Lose(plan!);
        foreach (StepCommit commit in report.Commits) Committed(commit);
        foreach (EpochResult epoch in report.Epochs)
        {
            _group.Set(Catalogue.Loss, epoch.TestLoss, Test);
            _group.Set(Catalogue.Accuracy, epoch.TestAccuracy, Test, "1");
            _group.Set(Catalogue.Accuracy, epoch.TestTop5, Test, "5");
        }
        _cause = Cause();
    }

    /// <summary>Shows the run's status; called every few seconds.</summary>
    public void Show(RunStatus status)
    {
        if (RunStates.IsOver(_state) || _state is RunState.None) return;
        Account();
        _group.Set(Catalogue.TargetStep, status.TotalSteps);
        ShowMembers(status.Members);
    }

    /// <summary>Notes that this silo no longer coordinates the run.</summary>
    public void Leave()
    {
        Account();
        _group.End(keepsGauges: RunStates.IsOver(_state));
    }

    private void ShowMembers(IReadOnlyList<MemberStatus> members)
    {
        _group.Set(Catalogue.WorldSize, members.Count(member => member.Rank is not null));
        _group.Set(Catalogue.Learners, members.Count(member => member.Rank is null));
        _group.Clear(Catalogue.RankStepDuration);
        _group.Clear(Catalogue.HeartbeatAge);
        foreach (MemberStatus member in members)
        {
            _group.Set(Catalogue.HeartbeatAge, member.SecondsSinceReport, member.Worker);
            if (member is { Rank: { } rank, SecondsPerShard: > 0 })
                _group.Set(Catalogue.RankStepDuration, member.SecondsPerShard * (member.EndShard - member.FirstShard), $"{rank}", member.Worker);
        }
    }

    private void Begin(RunSpec spec)
    {
        Recipe recipe = RunRecipes.Of(spec);
        (_start, _batch, _plan, _recovery) = (spec.StartId, recipe.Batch, null, null);
        (_hasCommitted, _isMistrusted, _training, _lost) = (false, false, 0, 0);
        if (!spec.IsResume) (_step, _counted) = (0, -1);
        _group.Begin();
        _group.Clear(Catalogue.RunInfo);
        _group.Set(Catalogue.RunInfo, 1, recipe.Name, recipe.Model.Variant ?? recipe.Model.Neuron.ToString(), recipe.Data.Kind.ToString(),
            typeof(RunSeries).Assembly.GetName().Version!.ToString(fieldCount: 3));
        // rate() does not see the first count of a counter that appears with it.
        foreach (Metric counter in (Metric[])[Catalogue.Steps, Catalogue.Samples, Catalogue.NonFiniteSteps, Catalogue.LostSteps, Catalogue.TrainingTime])
            _group.Add(counter, 0);
        foreach (string reason in (string[])[Reasons.RankLost, Reasons.Checksum]) _group.Add(Catalogue.Recoveries, 0, reason);
        foreach (string cause in (string[])[Causes.Starting, Causes.Waiting, Causes.Recovery, Causes.Redone]) _group.Add(Catalogue.LostTime, 0, cause);
        _group.Add(Catalogue.CheckpointFailures, 0, Reasons.Write);
    }

    private void Happened(ClusterEvent what)
    {
        if (what.Kind == EventKinds.Mismatch) _isMistrusted = true;
        else if (what.Kind == EventKinds.Checkpoint) _group.Set(Catalogue.CheckpointTime, what.Time.ToUnixTimeMilliseconds() / 1e3);
        else if (what.Kind == EventKinds.CheckpointFailed) _group.Add(Catalogue.CheckpointFailures, 1, Reasons.Write);
    }

    /// <summary>Notes that a generation lost a member, or that its members hold different bits. A further loss before the next commit belongs to the same
    /// recovery.</summary>
    private void Lose(GenerationPlan plan)
    {
        if (_recovery is { } known)
        {
            _recovery = known with { Generation = Math.Max(known.Generation, plan.Number) };
            return;
        }
        _recovery = (_time.GetTimestamp(), plan.Number);
        _group.Add(Catalogue.Recoveries, 1, _isMistrusted ? Reasons.Checksum : Reasons.RankLost);
    }

    private void Committed(StepCommit commit)
    {
        if (_counted < 0) _counted = commit.Step - 1;
        // A new lead reports the last step again if it had missed it.
        bool isRepeated = commit.Step == _step && _hasCommitted && !_isMistrusted;
        if (commit.Step > _counted)
        {
            _group.Add(Catalogue.Steps, commit.Step - _counted);
            _group.Add(Catalogue.Samples, _stepsPerEpoch > 0 ? SamplesUntil(commit.Step) - SamplesUntil(_counted) : commit.Samples);
            _counted = commit.Step;
        }
        else if (!isRepeated) _group.Add(Catalogue.LostSteps, 1);
        (_step, _hasCommitted) = (commit.Step, true);
        _group.Set(Catalogue.Step, commit.Step);
        _group.Set(Catalogue.Epoch, commit.Epoch);
        _group.Set(Catalogue.Loss, commit.Loss, Train);
        _group.Set(Catalogue.Accuracy, commit.Top1 / (double)commit.Samples, Train, "1");
        _group.Set(Catalogue.Accuracy, commit.Top5 / (double)commit.Samples, Train, "5");
        _group.Set(Catalogue.LearningRate, commit.LearningRate);
        if (commit.NonFiniteShards > 0) _group.Add(Catalogue.NonFiniteSteps, 1);
        if (_recovery is not { } recovery || commit.Generation <= recovery.Generation) return;
        _group.Record(Catalogue.RecoveryDuration, _time.GetElapsedTime(recovery.Since).TotalSeconds);
        (_recovery, _isMistrusted) = (null, false);
    }

    private long SamplesUntil(long step) =>
        step / _stepsPerEpoch * _trainSamples + Math.Min(_trainSamples, step % _stepsPerEpoch * _batch);

    /// <summary>Adds the time since the last call to training or to the current cause of lost time.</summary>
    private void Account()
    {
        long now = _time.GetTimestamp();
        double seconds = _time.GetElapsedTime(_accounted, now).TotalSeconds;
        _accounted = now;
        if (RunStates.IsOver(_state) || _state is RunState.None) return;
        if (_cause is { } cause)
        {
            _lost += seconds;
            _group.Add(Catalogue.LostTime, seconds, cause);
        }
        else
        {
            _training += seconds;
            _group.Add(Catalogue.TrainingTime, seconds);
        }
        _group.Set(Catalogue.Goodput, _training / Math.Max(_training + _lost, double.Epsilon));
    }

    /// <summary>The current cause of lost time; null while the run makes progress.</summary>
    private string? Cause() => _state switch
    {
        RunState.Created or RunState.WaitingForWorkers => Causes.Waiting,
        _ when _recovery is not null => Causes.Recovery,
        _ when !_hasCommitted => Causes.Starting,
        _ when _step < _counted => Causes.Redone,
        _ => null,
    };

    private static class Reasons
    {
        public const string RankLost = "rank_lost", Checksum = "checksum", Write = "write";
    }

    private static class Causes
    {
        public const string Starting = "starting", Waiting = "waiting", Recovery = "recovery", Redone = "redone";
    }
}
