using Spikeformer.Collectives;
using Spikeformer.Silo.Worker.Saving;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>A voter's work between two steps: evaluate, then save. The state and the members' notes decide what is due, so that all members agree.</summary>
internal sealed class Boundary(Seat seat, Group group, Peers peers, StepTrace trace, StorageCheck? storage)
{
    private int[] _writers = [];

    /// <summary>Whether a checkpoint is saved at the next boundary.</summary>
    public bool Saves => _writers.Length > 0;

    /// <summary>This member's note in the all-reduce before a boundary.</summary>
    /// <param name="step">Committed steps at the boundary.</param>
    public ulong Note(long step)
    {
        (GenerationPlan? newest, bool mustStop) = seat.Board.Orders;
        return seat.IsLead
            ? BoundaryNote.Of(newest, mustStop, saves: seat.Lead.MustSave(step), shares: seat.Lead.AllowsOtherWriters)
            : BoundaryNote.Of(newest, mustStop, saves: false, shares: storage is { IsShared: true } && seat.Shares.IsReady);
    }

    public BoundaryVerdict Agree(ReadOnlySpan<ulong> notes)
    {
        _writers = BoundaryNote.Writers(notes);
        return BoundaryNote.Read(notes, seat.Plan);
    }

    /// <summary>Evaluates and saves if that is due.</summary>
    public void Pass()
    {
        if (seat.Run.Held.LacksEvaluation) Evaluate((int)(seat.State.Step / seat.Run.Order.StepsPerEpoch) - 1);
        (int[] writers, _writers) = (_writers, []);
        int writer = Array.IndexOf(writers, seat.Own.Rank);
        if (writer < 0) return;
        trace.Begin(StepPart.Save, seat.State.Step);
        peers.AwaitApplied();
        if (seat.IsLead) seat.Lead.Save(seat.Generation, seat.Workers(writers));
        else seat.Shares.Save(seat.Generation, seat.Workers(writers), writer);
    }

    private void Evaluate(int epoch)
    {
        trace.Begin(StepPart.Evaluate, seat.State.Step);
        MemberState held = seat.Run.Held;
        long began = seat.Time.GetTimestamp();
        EvaluationResult test = DistributedEvaluation.Run(group, seat.Run, trace.ReachExchange, seat.Board.Ended);
        EpochSummary summary = held.Progress.EndEpoch(epoch, test, seat.Time.GetElapsedTime(began), seat.Plan.Members.Count);
        held.Evaluated();
        // The collector does not see native memory, and rarely runs for what little the loop allocates.
        GC.Collect();
        if (!seat.IsLead) return;
        seat.Report(EventKinds.Evaluation, FormattableString.Invariant(
            $"Epoch {epoch}: test accuracy {test.Accuracy:0.0000}, top-5 {test.Top5Accuracy:0.0000}, loss {test.Loss:0.0000} over {test.Samples} samples"));
        seat.Board.Evaluated(new()
        {
            Epoch = epoch, TrainLoss = summary.TrainLoss, TrainAccuracy = summary.TrainAccuracy, TestLoss = test.Loss, TestAccuracy = test.Accuracy,
            TestTop5 = test.Top5Accuracy, BestTestAccuracy = held.Progress.Best,
        });
    }
}
