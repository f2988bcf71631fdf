using Spikeformer.Checkpoints;
using Spikeformer.Collectives;
using Spikeformer.Contracts;
using Spikeformer.Data;
using Spikeformer.Network;
using Spikeformer.Runs;
using Spikeformer.Training;
using static Spikeformer.Silo.Worker.BoundaryVerdict;

namespace Spikeformer.Silo.Worker;

/// <summary>A member that owns shards, through one generation: align, then step after step, with evaluations and checkpoints at their
/// boundaries, until the members agree to change over or to end.</summary>
internal sealed class Voter
{
    private const int MaxSkippedInARow = 20, HashInterval = 50;
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(10), BoundaryPatience = TimeSpan.FromSeconds(10);

    private readonly PreparedRun _run;
    private readonly MemberBoard _board;
    private readonly Lead _lead;
    private readonly GenerationPlan _plan;
    private readonly PlanMember _own;
    private readonly DataListener _listener;
    private readonly TimeProvider _time;
    private readonly int[] _shards;
    private readonly IReadOnlyList<TreeNode> _nodes;
    private StepClock _clock;
    private long _beganAt;
    private int _skipped;

    /// <param name="run">The run.</param>
    /// <param name="board">The worker's board.</param>
    /// <param name="lead">Keeps the directory where this worker is rank 0.</param>
    /// <param name="plan">The generation.</param>
    /// <param name="own">This worker in it.</param>
    /// <param name="listener">The process's data plane.</param>
    /// <param name="time">Clocks.</param>
    public Voter(PreparedRun run, MemberBoard board, Lead lead, GenerationPlan plan, PlanMember own, DataListener listener, TimeProvider time)
    {
        (_run, _board, _lead, _plan, _own, _listener, _time) = (run, board, lead, plan, own, listener, time);
        _clock = new(time);
        _shards = [.. Enumerable.Range(own.FirstShard, own.EndShard - own.FirstShard)];
        _nodes = SummationTree.Cover(own.FirstShard, own.EndShard, plan.Shards);
    }

    /// <summary>Whether the generation has ended because members hold different bits, so that nobody's state can be trusted.</summary>
    public bool MustForget { get; private set; }

    private bool IsLead => _own.Rank == 0;

    private TrainingState State => _run.State;

    private GenerationId Generation => new(_plan.Number, _plan.Nonce.ToString("N"));

    /// <summary>Goes through the generation.</summary>
    /// <exception cref="PeerLostException">A member was lost: the generation is sealed.</exception>
    public void Vote()
    {
        if (IsLead) _lead.Open(isFresh: State.Step == 0);
        else _lead.Close();
        GroupPlan groupPlan = VoterPlan.Of(_plan, _own.Rank);
        using var store = new TransferStore();
        using var transfers = new TransferServer(groupPlan, _listener, store);
        CancellationToken over = _board.Over;
        using Group group = Group.Connect(groupPlan, _listener, ConnectPatience, over);
        using HeartbeatLoop pulse = HeartbeatLoop.Connect(groupPlan, _listener, new()
        {
            Suspected = (rank, reason) => Suspect(group, rank, reason),
            Differed = mismatch => Differ(group, mismatch),
        }, ConnectPatience, over);
        foreach (string warning in group.Warnings) Report("warning", warning);
        _board.Enter(WorkerPhase.Aligning, State.Step);
        FailPoints.Hit("align", State.Step);
        if (!Alignment.TryAlign(group, _run, store, over))
        {
            MustForget = true;
            group.Abort("Members hold different bits of one step.");
            throw group.Loss!;
        }
        if (IsLead) Report("aligned", $"Generation {_plan.Number} goes on from step {State.Step} with {_plan.Members.Count} workers");
        using var reduced = new StepVector(_run.Network.Layout);

        _clock = new(_time);
        _beganAt = State.Step;
        while (true)
        {
            AtBoundary(group, pulse);
            if (State.Step == _run.LastStep)
            {
                End(RunState.Completed);
                return;
            }
            BoundaryVerdict verdict = Step(group, reduced);
            pulse.Applied(State.Step - 1, DigestForPeers());
            store.Lend(State.Step - 1, reduced.Bytes);
            if (store.IsStateWanted) store.Lend(_run.Copy());
            if (verdict is GoOn) continue;
            AtBoundary(group, pulse);
            if (State.Step == _run.LastStep) continue;
            AwaitAll(group, pulse);
            if (verdict is Stop) End(RunState.Stopped);
            else ReportTimes();
            return;
        }
    }

    /// <summary>One step: compute, reduce, apply, tell.</summary>
    private unsafe BoundaryVerdict Step(Group group, StepVector reduced)
    {
        long step = State.Step, began = _time.GetTimestamp();
        _clock.Ends(StepPart.Rest);
        _board.Enter(WorkerPhase.Computing, step);
        FailPoints.Hit("compute", step);
        using StepBatch batch = _run.Loader.Load(step, _shards);
        _clock.Ends(StepPart.Load);
        IReadOnlyList<StepVector> vectors = Compute(group, batch, out TimeSpan exchanging);
        _clock.Ends(StepPart.Compute);
        double secondsPerShard = (_time.GetElapsedTime(began) - exchanging).TotalSeconds / _shards.Length;
        ReportNonFinite(batch, vectors);

        foreach (TreeNode node in _nodes) SummationTree.FoldInPlace(node, _plan.Shards, v => ((nint)vectors[v - _own.FirstShard].Pointer, vectors[0].Values.NumberOfElements));
        NodeVector[] partials = [.. _nodes.Select(node => new NodeVector(node, (nint)vectors[node.First - _own.FirstShard].Pointer))];
        _board.Enter(WorkerPhase.Reducing, step);
        FailPoints.Hit("reduce", step);
        (GenerationPlan? newest, bool mustStop) = _board.Orders;
        group.AllReduce(step, BoundaryNote.Of(newest, mustStop), partials, reduced.Pointer, reduced.Values.NumberOfElements, cancellation: _board.Over);
        _clock.Ends(StepPart.Reduce);
        BoundaryVerdict verdict = BoundaryNote.Read(group.Notes, _plan);

        _board.Enter(WorkerPhase.Applying, step);
        FailPoints.Hit("apply", step);
        CommittedStep committed = State.Apply(batch.Plan, reduced);
        _clock.Ends(StepPart.Apply);
        _run.Progress.Count(committed, _time.GetElapsedTime(began));
        if (FailPoints.Hit("applied", step)) FlipABit();
        _lead.Committed(committed, Generation);
        _board.Committed(Commit(committed), IsLead, secondsPerShard);
        CheckDiverged(committed);
        return verdict;
    }

    private IReadOnlyList<StepVector> Compute(Group group, StepBatch batch, out TimeSpan exchanging)
    {
        exchanging = TimeSpan.Zero;
        if (_run.Recipe.BatchNorm is not BatchNormMode.Global) return _run.Engine.Compute(batch.Identity, batch.Inputs, coupling: null);
        int[] filled = [.. batch.Inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
        var coupling = new GroupBatchNormCoupling(group, batch.Plan.Step, filled, _board.Over);
        if (filled.Length == 0) coupling.Follow(_run.Network.Layout.BatchNorms, FirstRankWithSamples(batch.Plan));
        IReadOnlyList<StepVector> vectors = _run.Engine.Compute(batch.Identity, batch.Inputs, coupling);
        exchanging = coupling.Exchanging;
        return vectors;
    }

    private int FirstRankWithSamples(StepPlan plan) =>
        _plan.Members.First(member => Enumerable.Range(member.FirstShard, member.EndShard - member.FirstShard).Any(v => plan.Samples(v).Length > 0)).Rank;

    /// <summary>What is due between two steps, decided by the state alone, so that all members agree: evaluate, then save.</summary>
    private void AtBoundary(Group group, HeartbeatLoop pulse)
    {
        int stepsPerEpoch = _run.Order.StepsPerEpoch;
        bool endsEpoch = State.Step % stepsPerEpoch == 0 && State.Step > 0;
        int epochs = (int)(State.Step / stepsPerEpoch);
        if (endsEpoch && _run.Progress.Epochs < epochs) Evaluate(group, epochs - 1);
        if (!_lead.IsOpen || State.Step == 0 || _lead.Keeper.SavedStep == State.Step) return;
        if ((!IsSaveDue || _lead.Keeper.IsSaving) && State.Step != _run.LastStep) return;
        _clock.Ends(StepPart.Rest);
        AwaitAll(group, pulse);
        _lead.Save(Generation);
        _clock.Ends(StepPart.Boundary);
    }

    private bool IsSaveDue => State.Step == _run.LastStep || State.Step % (_run.Spec.CheckpointEvery ?? _run.Order.StepsPerEpoch) == 0;

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
            Differ(group, mismatch);
            throw group.Loss!;
        }
        catch (PeerLostException loss)
        {
            group.Abort(loss.What, loss.Suspects);
            throw group.Loss!;
        }
    }

    private void Evaluate(Group group, int epoch)
    {
        _clock.Ends(StepPart.Rest);
        _board.Enter(WorkerPhase.Evaluating, State.Step);
        long began = _time.GetTimestamp();
        EvaluationResult test = DistributedEvaluation.Run(group, _run, _board.Over);
        EpochSummary summary = _run.Progress.EndEpoch(epoch, test, _time.GetElapsedTime(began), _plan.Members.Count);
        // The collector does not see native memory, and rarely runs for what little the loop allocates.
        GC.Collect();
        _clock.Ends(StepPart.Boundary);
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
    private void End(RunState state)
    {
        ReportTimes();
        _board.Enter(WorkerPhase.Saving, State.Step);
        if (IsLead)
        {
            _lead.AwaitOpen(_board.Over);
            if (_lead.Keeper.SavedStep != State.Step) _lead.Save(Generation);
            _lead.Keeper.Wait();
            TrainingProgress progress = _run.Progress;
            _board.End(new()
            {
                State = state, Epoch = progress.Epochs, Step = State.Step, Loss = progress.Last?.TrainLoss ?? double.NaN,
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
    private static void Suspect(Group group, int rank, PeerLossReason reason) =>
        group.Abort(reason is PeerLossReason.Closed ? $"{group.Plan.Name(rank)} closed its connections: the process ended" : $"{group.Plan.Name(rank)} gave no sign of life", rank);

    /// <summary>Tells where this generation's time went.</summary>
    private void ReportTimes()
    {
        if (IsLead) Report("timing", _clock.ToString());
    }

    private void Differ(Group group, DigestMismatchException mismatch)
    {
        MustForget = true;
        group.Abort($"{mismatch.Message}, suspected: {string.Join(", ", mismatch.Odd.Select(group.Plan.Name))}");
    }

    /// <summary>The step digest; where it matters and every so often the hash of the whole state, since a flipped weight does not show in the
    /// digest of what was added up.</summary>
    private ulong DigestForPeers() => IsSaveDue || State.Step % HashInterval == 0
        ? State.Hash()
        : ulong.Parse(State.Digest.AsSpan(0, 16), System.Globalization.NumberStyles.HexNumber);

    /// <summary>What a cosmic ray would do; for tests.</summary>
    private unsafe void FlipABit() => *(int*)TensorMemory.Pointer(State.Parameters.Values) ^= 1 << 12;

    private void ReportNonFinite(StepBatch batch, IReadOnlyList<StepVector> vectors)
    {
        for (int i = 0; i < vectors.Count; i++)
            if (vectors[i].NonFiniteShards > 0)
                Report("stepSkipped", $"Step {batch.Plan.Step} of epoch {batch.Plan.Epoch} makes no update: non-finite gradient in shard {_shards[i]} " +
                    $"(samples {string.Join(", ", batch.Inputs[i].Samples)})");
    }

    private void CheckDiverged(CommittedStep step)
    {
        _skipped = step.NonFiniteShards == 0 ? 0 : _skipped + 1;
        if (_skipped >= MaxSkippedInARow)
            throw new SpikeformerException(ErrorKind.Failed, $"The run diverged: {_skipped} steps in a row up to step {step.Step - 1} had non-finite gradients",
                "Lower the learning rate (schedule.0.base) or lengthen its warm-up, and start again");
    }

    private StepCommit Commit(CommittedStep step) => new()
    {
        Step = step.Step, Epoch = step.Epoch, Samples = step.Samples, Loss = step.Loss, LearningRate = step.LearningRate, Digest = step.Digest,
        Generation = _plan.Number, Top1 = step.Top1, Top5 = step.Top5, NonFiniteShards = step.NonFiniteShards,
        Time = _time.GetUtcNow(),
    };

    private void Report(string kind, string message) => _board.Happened(kind, message, _time.GetUtcNow());
}
