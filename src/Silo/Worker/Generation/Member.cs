using Spikeformer.Collectives.Connections;
using Spikeformer.Diagnostics;
using Spikeformer.Silo.Devices;
using Spikeformer.Silo.Worker.Saving;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>A worker's part in a run, on its compute thread: prepares, then serves one generation after the other, as a voter or as a learner, until the run
/// no longer needs the worker. It talks to the run only through its board, so that no step ever waits for a coordinator. The workers of the silo share its
/// memory.</summary>
internal sealed class Member(RunSpec spec, MemberBoard board, DataListener listener, int siloWorkers, TimeProvider time)
{
    private readonly MachineMemory _machine = new();

    /// <summary>Serves the run until it ends for this worker. Reports failures to the board.</summary>
    public void Serve()
    {
        try
        {
            using PreparedRun run = PreparedRun.Open(spec, board.Info.Device, message => board.Happened(EventKinds.Warning, message, time.GetUtcNow()), time);
            board.Prepared(run.Fingerprint, run.Order.StepsPerEpoch, run.Dataset.Count(Data.Split.Train), () => CapacityOf(run.Memory));
            board.Enter(WorkerPhase.Ready, run.Held.State.Step);
            using var lead = new Lead(run, board, time);
            using var shares = new ShareWriter(run, board, time);
            GenerationPlan? known = null;
            while (board.AwaitGeneration(known) is { } plan) known = Serve(run, lead, shares, plan);
        }
        catch (Exception failure)
        {
            SpikeformerException error = ErrorPrinter.Explain(failure, $"See the log of worker {board.Info.Worker} for the stack");
            board.Fail(new()
            {
                Worker = board.Info.Worker, Message = error.What, Remedy = error.Remedy, ExitCode = (int)error.Kind, Details = failure.ToString(), Step = board.Status.Step,
            });
            ErrorPrinter.Print(Console.Error, error, verbose: true);
        }
    }

    private int CapacityOf(ShardMemory? memory) => memory is null ? int.MaxValue
        : memory.Capacity(_machine.Own() ?? memory.Baseline, _machine.Available(), siloWorkers, MachineMemory.Limit);

    /// <summary>Serves one generation.</summary>
    /// <returns>The generation.</returns>
    private GenerationPlan Serve(PreparedRun run, Lead lead, ShareWriter shares, GenerationPlan plan)
    {
        if (plan.MemberOf(board.Info.Worker, board.Info.Incarnation) is { } own)
        {
            board.Join(plan);
            Vote(new(run, board, lead, shares, plan, own, time));
            return plan;
        }
        lead.Close();
        run.Held.Transfers.Forget();
        if (board.IsLeaving) board.Enter(WorkerPhase.Ready, run.Held.State.Step);
        else new Follower(run, board, plan, time).Follow();
        return plan;
    }

    private void Vote(Seat seat)
    {
        var voter = new Voter(seat, listener);
        try
        {
            voter.Vote();
        }
        catch (PeerLostException lost) when (voter.HasDiverged)
        {
            // A member has computed with wrong bits since the states were last compared, and all members have added its gradients.
            seat.Lead.Close();
            seat.Run.Held.Forget();
            seat.Report(EventKinds.Mismatch, $"{lost.Message} All members return to the last checkpoint, whose bits were compared");
            board.Seal(lost: [], silent: []);
        }
        catch (PeerLostException lost) when (!board.Released.IsCancellationRequested)
        {
            seat.Lead.CallOff();
            string[] suspects = seat.Workers(lost.PeerLoss.Suspects), silent = lost.PeerLoss.Reason is PeerLossReason.NotConnected ? suspects : seat.Workers(voter.Silent);
            seat.Report(EventKinds.Sealed, $"Generation {seat.Plan.Number} ended at step {seat.State.Step}: {lost.Message}");
            board.Seal(suspects, silent);
        }
        catch (Exception end) when (end is PeerLostException or OperationCanceledException && board.Ended.IsCancellationRequested)
        {
            // The run ended, or a newer generation replaced this one before its members were connected.
        }
    }
}
