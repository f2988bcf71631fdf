using System.Buffers.Binary;
using System.IO.Hashing;
using System.Net.Sockets;
using Spikeformer.Collectives.Connections;
using Spikeformer.Silo.Worker.Session;
using Spikeformer.Silo.Worker.Transfer;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>A learner. It copies the state from several members, then applies the reduced vectors of the steps as they are committed, so that it can become a
/// voter at any boundary. Voters never wait for it.</summary>
internal sealed class Follower(PreparedRun run, MemberBoard board, GenerationPlan plan, TimeProvider time)
{
    private const long FirstStepsAhead = 2, MostStepsAhead = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), Pause = TimeSpan.FromMilliseconds(100);
    private readonly Rejections _rejections = new();

    private readonly GroupPlan _group = GroupPlanFactory.Create(plan, ownRank: 0);
    private readonly CancellationToken _superseded = board.Follow(plan);
    // Each learner prefers other members, and the same ones in every generation: they have the copy that it began to take.
    private readonly int[] _ranks = [.. plan.Members.OrderBy(member => Distance(board.Info.Incarnation, member.Incarnation)).Select(member => member.Rank)];
    private StateFetch? _fetch;
    private long _stepsAhead = FirstStepsAhead;
    private int _turn;

    /// <summary>Follows until the run has another generation, or no longer needs this worker.</summary>
    public void Follow()
    {
        board.Enter(WorkerPhase.Learning, run.Held.State.Step);
        // The state from the generation before is enough if a member has the vectors since then.
        bool hasState = run.Held.State.HasBegun;
        while (!_superseded.IsCancellationRequested) hasState = hasState ? KeepUp(_ranks[_turn++ % _ranks.Length]) : CopyState();
        _fetch?.Dispose();
    }

    /// <summary>Copies the state.</summary>
    /// <returns>False when another try is needed.</returns>
    private bool CopyState()
    {
        board.Enter(WorkerPhase.Learning, run.Held.State.Step);
        _fetch?.Dispose();
        _fetch = new(run.Held.Slices, [.. _ranks.Take(StateFetch.MostDonors).Select(rank => new Donor(plan.Members[rank].Worker, () => Connect(rank)))]);
        if (_fetch.Run(step: null, _stepsAhead, board.Ended) is not { } copy)
        {
            // No member lends a copy of that step any more, or all members were past it when they heard of the request.
            if (_fetch.IsGone) _stepsAhead = Math.Min(2 * _stepsAhead, MostStepsAhead);
            _superseded.WaitHandle.WaitOne(Pause);
            return false;
        }
        run.Held.Take(copy, $"generation {plan.Number}");
        string sources = string.Join(", ", run.Held.Slices.Fetched.Select(one => $"{one.Key} ({RunTransitions.Count(one.Value, "slice")})"));
        string refused = run.Held.Slices.Refused == 0 ? "" : $"; refused {RunTransitions.Count(run.Held.Slices.Refused, "slice")} with wrong bytes";
        board.Happened(EventKinds.Copied, $"Received the state of step {run.Held.State.Step} from {sources}{refused}", time.GetUtcNow());
        run.Held.Slices.Clear();
        return true;
    }

    /// <summary>Applies the steps as one member commits them, until that member leaves the generation or is lost.</summary>
    /// <returns>False when the member does not have the next step, so that the state must be copied.</returns>
    private bool KeepUp(int rank)
    {
        try
        {
            using Socket socket = Connect(rank);
            using CancellationTokenRegistration closing = board.Ended.Register(socket.Dispose);
            using NetworkStream stream = StateWire.Open(socket);
            using var vector = new StepVector(run.Network.Layout);
            while (true)
            {
                if (run.Held.LacksEvaluation)
                {
                    // Only voters evaluate.
                    ProgressState? progress = null;
                    StateWire.Ask(stream, new(StateWire.Kind.Evaluation, run.Held.State.Step));
                    if (!AwaitAnswer(() => StateWire.Read(stream, out progress))) return false;
                    run.Held.Progress.State = progress! with { Sums = EpochSums.Zero };
                }
                StateWire.Ask(stream, new(StateWire.Kind.Reduced, run.Held.State.Step, StateWire.Digest(run.Held.State.Digest)));
                if (!AwaitAnswer(() => StateWire.Read(stream, vector))) return false;
                Apply(vector);
            }
        }
        catch (Exception error) when (error is IOException or InvalidDataException or SocketException or ObjectDisposedException or PeerLostException
            or OperationCanceledException)
        {
            if (error is InvalidDataException)
            {
                _rejections.Count(RejectionCause.DamagedPayload);
                Console.Error.WriteLine($"Refused data from {plan.Members[rank].Worker}: {error.Message}");
            }
            _superseded.WaitHandle.WaitOne(Pause);
            return true;
        }
    }

    /// <summary>Reads answers until the member no longer waits.</summary>
    /// <returns>Whether it had the requested bytes.</returns>
    private bool AwaitAnswer(Func<Answer> read)
    {
        Answer answer;
        while ((answer = read()) is Answer.Waiting or Answer.Aligning)
            if (answer is Answer.Waiting) ReportCaughtUp();
        return answer is Answer.Here;
    }

    /// <summary>Reports that this worker could vote: the member itself waits for the next step. From now on one connection is enough.</summary>
    private void ReportCaughtUp()
    {
        board.Enter(WorkerPhase.Following, run.Held.State.Step);
        _fetch?.Dispose();
    }

    private void Apply(StepVector vector)
    {
        StepPlan step = run.Order.Plan(run.Held.State.Step);
        CommittedStep committed = run.Held.State.Apply(step, vector);
        run.Held.Progress.Count(committed, TimeSpan.Zero);
        run.Held.Recent.Add(StepLine.Of(committed, new(plan.Number, plan.Nonce.ToString("N"))));
        board.Enter(board.Status.Phase, run.Held.State.Step);
    }

    private Socket Connect(int rank) => GroupDialer.ConnectLearner(_group, board.Info.Incarnation, rank, Patience, _superseded);

    private static ulong Distance(ulong learner, ulong member)
    {
        Span<byte> bytes = stackalloc byte[2 * sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, learner);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[sizeof(ulong)..], member);
        return XxHash3.HashToUInt64(bytes);
    }
}
