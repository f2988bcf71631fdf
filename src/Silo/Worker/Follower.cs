using System.Net.Sockets;
using Spikeformer.Checkpoints;
using Spikeformer.Collectives;
using Spikeformer.Contracts;
using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker;

/// <summary>A learner: copies the state of a member, then applies the reduced vectors of the steps as they are committed, so that it can become
/// a voter at any boundary. No voter ever waits for it.</summary>
/// <param name="run">The run.</param>
/// <param name="board">The worker's board.</param>
/// <param name="plan">The generation that it follows.</param>
internal sealed class Follower(PreparedRun run, MemberBoard board, GenerationPlan plan)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), Pause = TimeSpan.FromMilliseconds(100);
    private readonly Rejections _rejections = new();

    /// <summary>Follows until the run has another generation, or needs this worker no more.</summary>
    public void Follow()
    {
        board.Enter(WorkerPhase.Learning, run.State.Step);
        // Learners spread over the members, and go on to the next one when theirs is lost.
        for (ulong turn = board.Info.Incarnation; plan.IsSameAs(board.Orders.Plan) && !board.Released.IsCancellationRequested; turn++)
        {
            if (Follow((int)(turn % (ulong)plan.Members.Count))) return;
            board.Released.WaitHandle.WaitOne(Pause);
        }
    }

    /// <summary>Follows one member.</summary>
    /// <returns>Whether it has left the generation, so that another one is near; false when it was lost.</returns>
    private bool Follow(int donor)
    {
        try
        {
            using Socket socket = GroupDialer.ConnectLearner(VoterPlan.Of(plan, ownRank: 0), board.Info.Incarnation, donor, Patience, board.Released);
            using CancellationTokenRegistration closing = board.Released.Register(socket.Dispose);
            using var stream = new NetworkStream(socket);
            using var vector = new StepVector(run.Network.Layout);
            TensorSpec[] specs = [.. run.State.Snapshot().Select(tensor => tensor.Spec)];
            bool mustCopy = true;
            while (true)
            {
                if (mustCopy)
                {
                    StateWire.Ask(stream, StateWire.Request.State, -1);
                    if (StateWire.ReadState(stream, specs) is not { } state) return true;
                    run.Take(state, plan.Members[donor].Worker);
                }
                board.Enter(WorkerPhase.Following, run.State.Step);
                StateWire.Ask(stream, StateWire.Request.Reduced, run.State.Step);
                StateWire.Answer answer = StateWire.Read(stream, vector);
                if (answer is StateWire.Answer.Left) return true;
                mustCopy = answer is StateWire.Answer.Gone;
                if (!mustCopy) Apply(vector);
            }
        }
        catch (InvalidDataException damaged)
        {
            _rejections.Count(RejectionCause.DamagedPayload);
            Console.Error.WriteLine($"What {plan.Members[donor].Worker} sent is refused: {damaged.Message}");
            return false;
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException or PeerLostException
            or OperationCanceledException)
        {
            return false;
        }
    }

    private void Apply(StepVector vector)
    {
        StepPlan step = run.Order.Plan(run.State.Step);
        CommittedStep committed = run.State.Apply(step, vector);
        run.Progress.Count(committed, TimeSpan.Zero);
        run.Recent.Add(StepLine.Of(committed, new(plan.Number, plan.Nonce.ToString("N"))));
        // Evaluations are the voters' work: their result comes with the state when this worker aligns with them.
    }
}
