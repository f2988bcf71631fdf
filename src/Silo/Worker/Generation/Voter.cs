using Spikeformer.Checkpoints;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Heartbeats;
using Spikeformer.Collectives.Plan;
using Spikeformer.Contracts;
using Spikeformer.Diagnostics;
using Spikeformer.Metrics;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker.Saving;
using Spikeformer.Silo.Worker.Session;
using Spikeformer.Silo.Worker.Transfer;
using Spikeformer.Training;
using static Spikeformer.Silo.Worker.Generation.BoundaryVerdict;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>A member that owns shards, through one generation: align, then step after step, with evaluations and checkpoints at their
/// boundaries, until the members agree to change over or to end.</summary>
internal sealed class Voter
{
    private const int MaxSkippedInARow = 20, HashInterval = 50;
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(10), BoundaryPatience = TimeSpan.FromSeconds(10), EndPause = TimeSpan.FromMilliseconds(100);

    private readonly PreparedRun _run;
    private readonly MemberBoard _board;
    private readonly Lead _lead;
    private readonly ShareWriter _shares;
    private readonly GenerationPlan _plan;
    private readonly PlanMember _own;
    private readonly DataListener _listener;
    private readonly TimeProvider _time;
    private readonly int[] _shards;
    private readonly IReadOnlyList<TreeNode> _nodes;
    private HeartbeatLoop? _pulse;
    private StepTrace? _trace;
    private RecoveryPlan? _recovery;
    private StorageSight? _sight;
    private int[] _writers = [];
    private long _beganAt;
    private int _skipped;

    /// <param name="run">The run.</param>
    /// <param name="board">The worker's board.</param>
    /// <param name="lead">Keeps the directory where this worker is rank 0.</param>
    /// <param name="shares">Writes slices of checkpoints where it is not.</param>
    /// <param name="plan">The generation.</param>
    /// <param name="own">This worker in it.</param>
    /// <param name="listener">The process's data plane.</param>
    /// <param name="time">Clocks.</param>
    public Voter(
        PreparedRun run, MemberBoard board, Lead lead, ShareWriter shares, GenerationPlan plan, PlanMember own, DataListener listener, TimeProvider time)
    {
        (_run, _board, _lead, _shares, _plan, _own, _listener, _time) = (run, board, lead, shares, plan, own, listener, time);
        _shards = [.. Enumerable.Range(own.FirstShard, own.EndShard - own.FirstShard)];
        _nodes = SummationTree.Cover(own.FirstShard, own.EndShard, plan.Shards);
    }

    /// <summary>Whether the generation has ended because members hold different bits, so that nobody's state can be trusted.</summary>
    public bool MustForget { get; private set; }

    /// <summary>Ranks that this worker does not hear; none before the members are connected.</summary>
    public IReadOnlyList<int> Silent => _pulse?.Silent ?? [];

    private bool IsLead => _own.Rank == 0;

    private TrainingState State => _run.State;

    private GenerationId Generation => new(_plan.Number, _plan.Nonce.ToString("N"));

    /// <summary>Goes through the generation.</summary>
    /// <exception cref="PeerLostException">A member was lost: the generation is sealed.</exception>
    public void Vote()
    {
        StepMetrics.ShowCounters();
        if (IsLead) _lead.Open(isFresh: !State.HasBegun);
        else _lead.Close();
        using StorageSight? sight = _sight = IsLead ? null : _shares.LookFor(Generation);
        GroupPlan groupPlan = VoterPlan.Of(_plan, _own.Rank);
        using var transfers = new TransferServer(groupPlan, _listener, _run.Transfers);
        CancellationToken over = _board.Over;
        using Group group = Group.Connect(groupPlan, _listener, ConnectPatience, over);
        using HeartbeatLoop pulse = HeartbeatLoop.Connect(groupPlan, _listener, new()
        {
            Suspected = (rank, reason) => Suspect(group, rank, reason),
            Differed = mismatch => AbortFor(group, mismatch),
        }, ConnectPatience, over);
        _pulse = pulse;
        _board.Hear(() => [.. pulse.Silent.Select(rank => _plan.Members[rank].Worker)]);
        foreach (string warning in group.Warnings) Report("warning", warning);
        _board.Enter(WorkerPhase.Aligning, State.Step);
        FailPoints.Hit("align", State.Step);
        if (!Alignment.TryAlign(group, _run, CaughtUp, out _recovery, over))
        {
            MustForget = true;
            throw group.Abort("Members hold different bits of one step.");
        }
        if (IsLead) _lead.Aligned(Generation, hasOthers: _plan.Members.Count > 1);
        if (IsLead)
            Report("aligned", $"Generation {_plan.Number} goes on from step {State.Step} with {_plan.Members.Count} workers"
                + (_recovery is null ? "" : $"; {_recovery.KeptShards} of {_plan.Shards} shards of that step are not computed again"));
        _trace = new(_board, pulse, _time);
        _beganAt = State.Step;
        while (true)
        {
            AtBoundary(group, pulse);
            if (State.Step == _run.LastStep)
            {
                End(RunState.Completed, group, pulse);
                return;
            }
            BoundaryVerdict verdict = Step(group);
            pulse.Applied(State.Step - 1, DigestForPeers(verdict));
            _run.Transfers.Commit(State.Step - 1, StateWire.Digest(State.Digest), _run.Reduced.Of(State.Step - 1)!.Bytes, _run.Copy);
            if (verdict is GoOn) continue;
            AtBoundary(group, pulse);
            if (State.Step == _run.LastStep) continue;
            AwaitAll(group, pulse);
            if (verdict is Stop) End(RunState.Stopped, group, pulse);
            else ReportTimes();
            return;
        }
    }

    /// <summary>One step: load, compute, reduce, apply, tell.</summary>
    private BoundaryVerdict Step(Group group)
    {
        long step = State.Step, began = _time.GetTimestamp();
        _trace!.Begin(StepPart.Load, step);
        RecoveryPlan? recovery = _recovery;
        _recovery = null;
        IReadOnlyList<TreeNode> nodes = recovery is null ? _nodes : [.. recovery.Contributions.Of(_own.Rank).Select(one => one.Node)];
        TreeNode[] due = [.. nodes.Where(node => recovery is null || !recovery.Kept.Contains(node))];
        int[] shards = recovery is null ? _shards : [.. due.SelectMany(node => Enumerable.Range(node.First, node.End(_plan.Shards) - node.First))];
        StepPlan plan = _run.Order.Plan(step);
        using StepBatch? batch = shards.Length > 0 ? _run.Loader.Load(step, shards) : null;

        _trace.Begin(StepPart.Compute, step);
        TimeSpan exchanging = TimeSpan.Zero;
        IReadOnlyList<StepVector> vectors = batch is null ? [] : Compute(group, batch, isWhole: recovery is null, out exchanging);
        double? secondsPerShard = recovery is null ? (_time.GetElapsedTime(began) - exchanging).TotalSeconds / _shards.Length : null;
        for (int i = 0; i < vectors.Count; i++)
            if (vectors[i].NonFiniteShards > 0) ReportNonFinite(plan, batch!.Inputs[i]);

        _trace.Begin(StepPart.Reduce, step);
        Dictionary<int, StepVector> ofShard = shards.Zip(vectors).ToDictionary(pair => pair.First, pair => pair.Second);
        NodeVector[] sums = [.. nodes.Select(node => due.Contains(node) ? Fold(node, ofShard) : _run.Kept[node])];
        StepVector reduced = _run.Reduced.For(step);
        Reduce(group, step, sums, reduced, recovery?.Contributions);
        BoundaryVerdict verdict = BoundaryNote.Read(group.Notes, _plan);
        _writers = BoundaryNote.Writers(group.Notes);

        if (_trace.Begin(StepPart.Apply, step)) Drop(group);
        CommittedStep committed = State.Apply(plan, reduced);
        _run.Reduced.Committed(step);
        _run.Kept.Forget();

        if (_trace.Begin(StepPart.Tell, step)) FlipABit();
        _run.Progress.Count(committed, _time.GetElapsedTime(began));
        _lead.Committed(committed, Generation);
        _board.Committed(Commit(committed), IsLead, secondsPerShard);
        _trace.Committed(plan, reduced, group.BytesReceived);
        CheckDiverged(committed);
        return verdict;
    }

    /// <summary>Adds this worker's shards below a node, in the order of the tree.</summary>
    private unsafe NodeVector Fold(TreeNode node, Dictionary<int, StepVector> ofShard)
    {
        SummationTree.FoldInPlace(node, _plan.Shards, v => ((nint)ofShard[v].Pointer, ofShard[v].Values.NumberOfElements));
        return new(node, (nint)ofShard[node.First].Pointer);
    }

    /// <summary>Sums over all members. Where one is lost, what this worker brings is kept for the next generation.</summary>
    private unsafe void Reduce(Group group, long step, NodeVector[] sums, StepVector reduced, Contributions? contributions)
    {
        (GenerationPlan? newest, bool mustStop) = _board.Orders;
        ulong note = IsLead
            ? BoundaryNote.Of(newest, mustStop, saves: _lead.Saves(step + 1), shares: _lead.Shares)
            : BoundaryNote.Of(newest, mustStop, saves: false, shares: _sight is { IsShared: true } && _shares.IsReady);
        try
        {
            group.AllReduce(step, note, sums, reduced.Pointer, reduced.Values.NumberOfElements, contributions, _board.Over);
        }
        catch (PeerLostException)
        {
            _run.Kept.Keep(step, sums);
            throw;
        }
    }

    private IReadOnlyList<StepVector> Compute(Group group, StepBatch batch, bool isWhole, out TimeSpan exchanging)
    {
        exchanging = TimeSpan.Zero;
        StepIdentity step = batch.Identity with { LossScale = State.LossScale };
        // In a recovery nothing is coupled: shards that need each other's statistics are all kept, or all computed again.
        if (_run.Recipe.BatchNorm is not BatchNormMode.Global || !isWhole) return _run.Engine.Compute(step, batch.Inputs, coupling: null);
        int[] filled = [.. batch.Inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
        var coupling = new GroupBatchNormCoupling(group, batch.Plan.Step, filled, _board.Over) { Reached = _trace!.ReachExchange };
        if (filled.Length == 0) coupling.Follow(_run.Network.Layout.BatchNorms, FirstRankWithSamples(batch.Plan));
        IReadOnlyList<StepVector> vectors = _run.Engine.Compute(step, batch.Inputs, coupling);
        exchanging = coupling.Exchanging;
        return vectors;
    }

    private int FirstRankWithSamples(StepPlan plan) =>
        _plan.Members.First(member => Enumerable.Range(member.FirstShard, member.EndShard - member.FirstShard).Any(v => plan.Samples(v).Length > 0)).Rank;

    /// <summary>What is due between two steps, decided by the state and the members' notes, so that all agree: evaluate, then save.</summary>
    private void AtBoundary(Group group, HeartbeatLoop pulse)
    {
        if (_run.LacksEvaluation) Evaluate(group, (int)(State.Step / _run.Order.StepsPerEpoch) - 1);
        (int[] writers, _writers) = (_writers, []);
        int writer = Array.IndexOf(writers, _own.Rank);
        if (writer < 0) return;
        _trace!.Begin(StepPart.Save, State.Step);
        AwaitAll(group, pulse);
        string[] names = [.. writers.Select(rank => _plan.Members[rank].Worker)];
        if (IsLead) _lead.Save(Generation, names);
        else _shares.Save(Generation, names, writer);
    }

    /// <summary>Waits until all have applied the last step, to the same bits: what is saved has been compared.</summary>
    private void AwaitAll(Group group, HeartbeatLoop pulse)
    {
        if (State.Step == _beganAt) return; // compared when the members aligned
        try
        {
            pulse.WaitAllApplied(State.Step - 1, BoundaryPatience);
        }
        catch (DigestMismatchException mismatch)
        {
            throw AbortFor(group, mismatch);
        }
        catch (PeerLostException lost)
        {
            throw group.Abort(lost.PeerLoss.Message, lost.PeerLoss.Suspects);
        }
    }

    private void Evaluate(Group group, int epoch)
    {
        _trace!.Begin(StepPart.Evaluate, State.Step);
        long began = _time.GetTimestamp();
        EvaluationResult test = DistributedEvaluation.Run(group, _run, _trace.ReachExchange, _board.Over);
        EpochSummary summary = _run.Progress.EndEpoch(epoch, test, _time.GetElapsedTime(began), _plan.Members.Count);
        _run.Evaluated();
        // The collector does not see native memory, and rarely runs for what little the loop allocates.
        GC.Collect();
        if (!IsLead) return;
        Report("evaluation", FormattableString.Invariant(
            $"Epoch {epoch}: test accuracy {test.Accuracy:0.0000}, top-5 {test.Top5Accuracy:0.0000}, loss {test.Loss:0.0000} over {test.Samples} samples"));
        _board.Evaluated(new()
        {
            Epoch = epoch, TrainLoss = summary.TrainLoss, TrainAccuracy = summary.TrainAccuracy, TestLoss = test.Loss, TestAccuracy = test.Accuracy,
            TestTop5 = test.Top5Accuracy, BestTestAccuracy = _run.Progress.Best,
        });
    }

    /// <summary>The run is over for its members: the lead saves and says how it ended; all stay until the run lets them go.</summary>
    private void End(RunState state, Group group, HeartbeatLoop pulse)
    {
        ReportTimes();
        _board.Enter(WorkerPhase.Saving, State.Step);
        if (IsLead)
        {
            _lead.AwaitOpen(_board.Over);
            while (!_lead.Keeper.Wait(EndPause))
                if (group.PeerLoss is not null || _board.Over.IsCancellationRequested) _lead.CallOff();
            if (_lead.Keeper.SavedStep != State.Step || _lead.Keeper.IsBehind)
            {
                AwaitAll(group, pulse);
                _lead.Save(Generation, [_own.Worker]);
                _lead.Keeper.Wait();
            }
            TrainingProgress progress = _run.Progress;
            _board.End(new()
            {
                State = state, Epoch = (int)(State.Step / _run.Order.StepsPerEpoch), Step = State.Step, Loss = progress.Last?.TrainLoss ?? double.NaN,
                TestAccuracy = progress.Last?.Test.Accuracy ?? 0, TestTop5 = progress.Last?.Test.Top5Accuracy ?? 0, BestTestAccuracy = progress.Best, SamplesPerSecond = progress.SamplesPerSecond,
                StepDigest = State.Digest, WeightsDigest = _lead.Keeper.WeightsDigest!, Checkpoint = _lead.Keeper.LastCheckpoint,
            });
        }
        else _board.Enter(WorkerPhase.Done, State.Step);
        _board.AwaitEndOf(_plan);
        // A run that only waits for workers goes on from here.
        if (!_board.Released.IsCancellationRequested) _board.Enter(WorkerPhase.Ready, State.Step);
    }

    /// <summary>A member is silent: the generation ends now, and not when its data is missed.</summary>
    private void Suspect(Group group, int rank, PeerLossReason reason)
    {
        group.Abort(group.Plan.Name(rank) + reason switch
        {
            PeerLossReason.Closed => " closed its connections: the process ended",
            PeerLossReason.Stuck => " is alive, but its computation does not come on",
            _ => " gave no sign of life",
        }, rank);
        _board.Suspect(_plan.Members[rank].Worker);
    }

    /// <summary>Tells where this generation's time went.</summary>
    private void ReportTimes()
    {
        if (IsLead) Report("timing", $"{_trace}");
    }

    private PeerLostException AbortFor(Group group, DigestMismatchException mismatch)
    {
        MustForget = true;
        Catalogue.DigestMismatches.Add();
        return group.Abort($"{mismatch.Message}, suspected: {string.Join(", ", mismatch.Odd.Select(group.Plan.Name))}");
    }

    /// <summary>The step digest; where it matters and every so often the hash of the whole state, since a flipped weight does not show in the
    /// digest of what was added up.</summary>
    private ulong DigestForPeers(BoundaryVerdict verdict) =>
        _writers.Length > 0 || verdict is Stop || State.Step == _run.LastStep || State.Step % HashInterval == 0
            ? State.Hash()
            : ulong.Parse(State.Digest.AsSpan(0, 16), System.Globalization.NumberStyles.HexNumber);

    /// <summary>What a cut connection would do, at the one moment when others may be a step ahead; for tests.</summary>
    private static void Drop(Group group) => throw group.Abort("A test wants it so");

    /// <summary>What a cosmic ray would do; for tests.</summary>
    private unsafe void FlipABit() => *(int*)TensorMemory.Pointer(State.Parameters.Values) ^= 1 << 12;

    private void ReportNonFinite(StepPlan step, ShardInput input) =>
        Report("stepSkipped", $"Step {step.Step} of epoch {step.Epoch} makes no update: non-finite gradient in shard {input.Shard} (samples {string.Join(", ", input.Samples)})");

    private void CheckDiverged(CommittedStep step)
    {
        _skipped = step.NonFiniteShards == 0 ? 0 : _skipped + 1;
        if (_skipped >= MaxSkippedInARow)
            throw new SpikeformerException(ErrorKind.Failed, $"The run diverged: {_skipped} steps in a row up to step {step.Step - 1} had non-finite gradients",
                "Lower the learning rate (schedule.0.base) or lengthen its warm-up, and start again");
    }

    /// <summary>This worker has applied a step that the others had committed without it.</summary>
    private void CaughtUp(CommittedStep missed)
    {
        _run.Kept.Forget();
        Report("caughtUp", $"Step {missed.Step}, which others had committed already, was applied from its reduced vector");
        _lead.Committed(missed, Generation);
        _board.Committed(Commit(missed), IsLead, secondsPerShard: null);
    }

    private StepCommit Commit(CommittedStep step) => new()
    {
        Step = step.Step, Epoch = step.Epoch, Samples = step.Samples, Loss = step.Loss, LearningRate = step.LearningRate, Digest = step.Digest,
        Generation = _plan.Number, Top1 = step.Top1, Top5 = step.Top5, NonFiniteShards = step.NonFiniteShards,
        Time = _time.GetUtcNow(),
    };

    private void Report(string kind, string message) => _board.Happened(kind, message, _time.GetUtcNow());
}
