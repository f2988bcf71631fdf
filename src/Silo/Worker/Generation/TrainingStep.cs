using System.Globalization;
using Spikeformer.Collectives;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Silo.Worker.Session;
using Spikeformer.Silo.Worker.Transfer;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>A voter's steps in one generation.</summary>
internal sealed class TrainingStep(Seat seat, Group group, Peers peers, StepTrace trace, Boundary boundary)
{
    private const int MaxSkippedInARow = 20, HashInterval = 50;

    private readonly PreparedRun _run = seat.Run;
    private readonly MemberState _held = seat.Run.Held;
    private int _skipped;

    private TrainingState State => _held.State;

    /// <summary>Runs one step: load, compute, reduce, apply, tell.</summary>
    /// <param name="recovery">How to finish a step that the last generation left unfinished; null to compute all of it.</param>
    /// <returns>The members' agreement for the boundary after the step.</returns>
    /// <exception cref="PeerLostException">A member was lost: the generation is sealed.</exception>
    /// <exception cref="SpikeformerException">The run diverged.</exception>
    public BoundaryVerdict Run(RecoveryPlan? recovery)
    {
        long step = State.Step, began = seat.Time.GetTimestamp();
        trace.Begin(StepPart.Load, step);
        StepPlan plan = _run.Order.Plan(step);
        var work = StepWork.Of(seat.Own, seat.Plan.Shards, recovery);
        using StepBatch? batch = work.Shards.Length > 0 ? _run.Loader.Load(step, work.Shards) : null;

        trace.Begin(StepPart.Compute, step);
        TimeSpan exchanging = TimeSpan.Zero;
        IReadOnlyList<StepVector> gradients = batch is null ? [] : Compute(batch, isWhole: recovery is null, out exchanging);
        double? secondsPerShard = recovery is null ? (seat.Time.GetElapsedTime(began) - exchanging).TotalSeconds / work.Shards.Length : null;

        trace.Begin(StepPart.Reduce, step);
        StepVector reduced = _held.Reduced.For(step);
        Reduce(step, Sums(work, gradients), reduced, recovery?.Contributions);
        BoundaryVerdict verdict = boundary.Agree(group.Notes);

        if (trace.Begin(StepPart.Apply, step)) StepFaults.CutConnections(group);
        CommittedStep committed = State.Apply(plan, reduced);
        _held.Reduced.Committed(step);
        _held.Kept.Forget();

        if (trace.Begin(StepPart.Tell, step)) StepFaults.FlipBit(State);
        _held.Progress.Count(committed, seat.Time.GetElapsedTime(began));
        seat.Announce(committed, secondsPerShard);
        trace.Committed(plan, reduced, group.BytesReceived);
        FailIfDiverged(committed);
        peers.Pulse.Applied(step, DigestForPeers(verdict));
        _held.Transfers.Commit(step, StateWire.Digest(State.Digest), reduced.Bytes, _held.Copy);
        return verdict;
    }

    private IReadOnlyList<StepVector> Compute(StepBatch batch, bool isWhole, out TimeSpan exchanging)
    {
        // A recovery couples nothing: shards that need each other's statistics are all kept, or all computed again.
        GroupBatchNormCoupling? coupling = null;
        if (isWhole && _run.Recipe.BatchNorm is BatchNormMode.Global)
        {
            int[] filled = [.. batch.Inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
            coupling = new(group, batch.Plan.Step, filled, seat.Board.Ended) { Reached = trace.ReachExchange };
            if (filled.Length == 0) coupling.Follow(_run.Network.Layout.BatchNorms, FirstRankWithSamples(batch.Plan));
        }
        IReadOnlyList<StepVector> gradients = _run.Engine.Compute(batch.Identity with { LossScale = State.LossScale }, batch.Inputs, coupling);
        exchanging = coupling?.Exchanging ?? TimeSpan.Zero;
        foreach ((StepVector gradient, ShardInput input) in gradients.Zip(batch.Inputs))
            if (gradient.NonFiniteShards > 0)
                seat.Report(EventKinds.StepSkipped, $"Step {batch.Plan.Step} of epoch {batch.Plan.Epoch} skips its update: non-finite gradient in shard {input.Shard} (samples {string.Join(", ", input.Samples)})");
        return gradients;
    }

    private int FirstRankWithSamples(StepPlan plan) => seat.Plan.Members
        .First(member => Enumerable.Range(member.FirstShard, member.EndShard - member.FirstShard).Any(v => plan.Samples(v).Length > 0)).Rank;

    /// <summary>Adds this worker's shards below each of its nodes, in the order of the tree, unless the sum is kept.</summary>
    private unsafe NodeVector[] Sums(StepWork work, IReadOnlyList<StepVector> gradients)
    {
        Dictionary<int, StepVector> ofShard = work.Shards.Zip(gradients).ToDictionary(pair => pair.First, pair => pair.Second);
        return [.. work.Nodes.Select(node => work.Due.Contains(node) ? Fold(node) : _held.Kept[node])];

        NodeVector Fold(TreeNode node)
        {
            SummationTree.FoldInPlace(node, seat.Plan.Shards, v => ((nint)ofShard[v].Pointer, ofShard[v].Values.NumberOfElements));
            return new(node, (nint)ofShard[node.First].Pointer);
        }
    }

    /// <summary>Adds up the sums of all members. If one is lost, this worker's sums are kept for the next generation.</summary>
    private unsafe void Reduce(long step, NodeVector[] sums, StepVector reduced, Contributions? contributions)
    {
        try
        {
            group.AllReduce(step, boundary.Note(step + 1), sums, reduced.Pointer, reduced.Values.NumberOfElements, contributions, seat.Board.Ended);
        }
        catch (PeerLostException)
        {
            _held.Kept.Keep(step, sums);
            throw;
        }
    }

    /// <summary>The step digest, or the hash of the whole state where it matters and at intervals: a flipped weight does not show in the digest of the
    /// sums.</summary>
    private ulong DigestForPeers(BoundaryVerdict verdict) =>
        boundary.Saves || verdict is BoundaryVerdict.Stop || State.Step == _run.LastStep || State.Step % HashInterval == 0
            ? State.Hash()
            : ulong.Parse(State.Digest.AsSpan(0, 16), NumberStyles.HexNumber);

    private void FailIfDiverged(CommittedStep step)
    {
        _skipped = step.NonFiniteShards == 0 ? 0 : _skipped + 1;
        if (_skipped >= MaxSkippedInARow)
            throw new SpikeformerException(ErrorKind.Failed, $"The run diverged: the last {_skipped} steps, up to step {step.Step - 1}, had non-finite gradients",
                "Lower the learning rate (schedule.0.base) or lengthen its warm-up, and start a new run");
    }
}
