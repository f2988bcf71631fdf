using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.Contracts;
using Spikeformer.Silo.Worker.Saving;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>
/// A worker's part in a run, on its compute thread: prepares, then goes from generation to generation, as a voter or as one that follows,
/// until the run needs it no more. Speaks to the run through its board only, so that no step ever waits for a coordinator.
/// </summary>
/// <param name="spec">The run.</param>
/// <param name="board">What it does and should do.</param>
/// <param name="listener">The process's data plane.</param>
/// <param name="time">Clocks.</param>
internal sealed class Member(RunSpec spec, MemberBoard board, DataListener listener, TimeProvider time)
{
    /// <summary>Serves the run to its end for this worker. Failures go to the board.</summary>
    public void Serve()
    {
        try
        {
            using PreparedRun run = PreparedRun.Open(spec, board.Info.Device, message => board.Happened("warning", message, time.GetUtcNow()), time);
            board.Prepared(run.Fingerprint, run.Order.StepsPerEpoch, run.Dataset.Count(Data.Split.Train));
            board.Enter(WorkerPhase.Ready, run.State.Step);
            using var lead = new Lead(run, board, time);
            using var shares = new ShareWriter(run, board, time);
            GenerationPlan? known = null;
            while (board.Await(known) is { } plan) known = Serve(run, lead, shares, plan);
        }
        catch (Exception failure)
        {
            board.Fail(new()
            {
                Worker = board.Info.Worker,
                Message = failure is SpikeformerException ? failure.Message : $"Unexpected {failure.GetType().Name}: {failure.Message}",
                ExitCode = failure is SpikeformerException known ? (int)known.Kind : (int)ErrorKind.Failed,
                Details = failure.ToString(),
                Step = board.Now.Step,
            });
            Console.Error.WriteLine(failure);
        }
    }

    /// <summary>One generation.</summary>
    /// <returns>The generation, so that the next one is awaited.</returns>
    private GenerationPlan Serve(PreparedRun run, Lead lead, ShareWriter shares, GenerationPlan plan)
    {
        if (plan.MemberOf(board.Info.Worker, board.Info.Incarnation) is not { } own)
        {
            lead.Close();
            run.Transfers.Forget();
            if (board.IsLeaving) board.Enter(WorkerPhase.Ready, run.State.Step);
            else new Follower(run, board, plan, time).Follow();
            return plan;
        }
        board.Join(plan);
        var voter = new Voter(run, board, lead, shares, plan, own, listener, time);
        try
        {
            voter.Vote();
        }
        catch (PeerLostException lost) when (voter.MustForget)
        {
            // Somebody has computed with wrong bits since the states were last compared, and everybody has added them in.
            lead.Close();
            run.Forget();
            board.Happened("mismatch", $"{lost.Message} All go back to the last checkpoint, whose bits were compared", time.GetUtcNow());
            board.Seal(lost: [], silent: []);
        }
        catch (PeerLostException lost) when (!board.Released.IsCancellationRequested)
        {
            lead.CallOff();
            string[] suspects = Names(plan, lost.PeerLoss.Suspects), silent = lost.PeerLoss.Reason is PeerLossReason.NotConnected ? suspects : Names(plan, voter.Silent);
            board.Happened("sealed", $"Generation {plan.Number} ended at step {run.State.Step}: {lost.Message}", time.GetUtcNow());
            board.Seal(suspects, silent);
        }
        catch (Exception end) when (end is PeerLostException or OperationCanceledException && board.Over.IsCancellationRequested)
        {
            // The run ended under way, or a newer generation has taken this one's place before it had begun.
        }
        return plan;
    }

    private static string[] Names(GenerationPlan plan, IReadOnlyList<int> ranks) => [.. ranks.Select(rank => plan.Members[rank].Worker)];
}
