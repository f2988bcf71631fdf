using Spikeformer.Collectives;
using Spikeformer.Silo.Worker.Saving;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>The end of a run for its voters.</summary>
internal static class RunEnd
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>The lead saves the last state and reports the outcome. All members stay until the run releases them.</summary>
    public static void Reach(RunState outcome, Seat seat, Group group, Peers peers)
    {
        TrainingState state = seat.State;
        seat.Board.Enter(WorkerPhase.Saving, state.Step);
        if (seat.IsLead)
        {
            Save(seat, group, peers);
            TrainingProgress progress = seat.Run.Held.Progress;
            seat.Board.End(new()
            {
                State = outcome, Epoch = (int)(state.Step / seat.Run.Order.StepsPerEpoch), Step = state.Step, Loss = progress.Last?.TrainLoss ?? double.NaN,
                TestAccuracy = progress.Last?.Test.Accuracy ?? 0, TestTop5 = progress.Last?.Test.Top5Accuracy ?? 0, BestTestAccuracy = progress.Best,
                SamplesPerSecond = progress.SamplesPerSecond, StepDigest = state.Digest, WeightsDigest = seat.Lead.Keeper.WeightsDigest!,
                Checkpoint = seat.Lead.Keeper.LastCheckpoint,
            });
        }
        else seat.Board.Enter(WorkerPhase.Done, state.Step);
        seat.Board.AwaitEnd(seat.Plan);
        // A run that only waits for workers continues from here.
        if (!seat.Board.Released.IsCancellationRequested) seat.Board.Enter(WorkerPhase.Ready, state.Step);
    }

    /// <summary>Waits for the save under way, and saves the state unless that was it.</summary>
    private static void Save(Seat seat, Group group, Peers peers)
    {
        CancellationToken ended = seat.Board.Ended;
        Lead lead = seat.Lead;
        lead.AwaitOpen(ended);
        while (!lead.Keeper.Wait(Pause))
            if (group.PeerLoss is not null || ended.IsCancellationRequested) lead.CallOff();
        if (lead.Keeper.SavedStep == seat.State.Step && !lead.Keeper.IsBehind) return;
        peers.AwaitApplied();
        lead.Save(seat.Generation, [seat.Own.Worker]);
        lead.Keeper.Wait();
    }
}
