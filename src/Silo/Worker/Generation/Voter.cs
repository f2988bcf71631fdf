using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Diagnostics;
using Spikeformer.Silo.Worker.Saving;
using Spikeformer.Silo.Worker.Transfer;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>A member that owns shards, in one generation: aligns, then runs step after step, with evaluations and checkpoints at their boundaries, until the
/// members agree to change over or to end.</summary>
internal sealed class Voter(Seat seat, DataListener listener)
{
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(10);

    private Peers? _peers;

    /// <summary>Whether the generation ended because members hold different bits, so that no member's state can be trusted.</summary>
    public bool HasDiverged => _peers is { HaveDiverged: true };

    /// <summary>Ranks without a sign of life; empty before the members are connected.</summary>
    public IReadOnlyList<int> Silent => _peers?.Pulse.Silent ?? [];

    private TrainingState State => seat.State;

    /// <summary>Votes until the generation or the run ends.</summary>
    /// <exception cref="PeerLostException">A member was lost: the generation is sealed.</exception>
    public void Vote()
    {
        StepMetrics.ShowCounters();
        if (seat.IsLead) seat.Lead.Open(isFresh: !State.HasBegun);
        else seat.Lead.Close();
        using StorageCheck? storage = seat.IsLead ? null : seat.Shares.CheckStorage(seat.Generation);
        GroupPlan plan = GroupPlanFactory.Create(seat.Plan, seat.Own.Rank);
        using var transfers = new TransferServer(plan, listener, seat.Run.Held.Transfers);
        CancellationToken ended = seat.Board.Ended;
        using Group group = Group.Connect(plan, listener, ConnectPatience, ended);
        using Peers peers = _peers = new(seat, group, listener, ConnectPatience, ended);
        foreach (string warning in group.Warnings) seat.Report(EventKinds.Warning, warning);
        RecoveryPlan? recovery = Align(group, peers, ended);

        var trace = new StepTrace(seat.Board, peers.Pulse, seat.Time);
        var boundary = new Boundary(seat, group, peers, trace, storage);
        var step = new TrainingStep(seat, group, peers, trace, boundary);
        boundary.Pass();
        BoundaryVerdict verdict = BoundaryVerdict.Continue;
        for (; State.Step < seat.Run.LastStep && verdict is BoundaryVerdict.Continue; recovery = null)
        {
            verdict = step.Run(recovery);
            boundary.Pass();
        }
        bool isComplete = State.Step == seat.Run.LastStep;
        if (!isComplete) peers.AwaitApplied();
        if (seat.IsLead) seat.Report(EventKinds.Timing, $"{trace}");
        if (isComplete || verdict is BoundaryVerdict.Stop) RunEnd.Reach(isComplete ? RunState.Completed : RunState.Stopped, seat, group, peers);
    }

    private RecoveryPlan? Align(Group group, Peers peers, CancellationToken ended)
    {
        seat.Board.Enter(WorkerPhase.Aligning, State.Step);
        FailPoints.Hit("align", State.Step);
        if (!Alignment.TryAlign(group, seat.Run, CatchUp, out RecoveryPlan? recovery, ended)) throw peers.SealDiverged("Members hold different bits of one step");
        peers.Aligned();
        if (!seat.IsLead) return recovery;
        seat.Lead.Aligned(seat.Generation, hasOthers: seat.Plan.Members.Count > 1);
        seat.Report(EventKinds.Aligned, $"Generation {seat.Plan.Number} {(State.HasBegun ? "continues" : "starts")} at step {State.Step} with {RunTransitions.Count(seat.Plan.Members.Count, "worker")}"
            + (recovery is null ? "" : $"; {recovery.KeptShards} of {RunTransitions.Count(seat.Plan.Shards, "shard")} of that step are already computed"));
        return recovery;
    }

    /// <summary>Announces a step that other members had committed, and that this worker has now applied.</summary>
    private void CatchUp(CommittedStep missed)
    {
        seat.Run.Held.Kept.Forget();
        seat.Report(EventKinds.CaughtUp, $"Caught up with step {missed.Step}, which other members had committed, from its reduced vector");
        seat.Announce(missed, secondsPerShard: null);
    }
}
