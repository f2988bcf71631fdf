using System.Buffers.Binary;
using System.IO.Hashing;
using System.Net.Sockets;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.Contracts;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker.Session;
using Spikeformer.Silo.Worker.Transfer;
using Spikeformer.Training;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>A learner: copies the state from several members, then applies the reduced vectors of the steps as they are committed, so that it can
/// become a voter at any boundary. No voter ever waits for it.</summary>
/// <param name="run">The run.</param>
/// <param name="board">The worker's board.</param>
/// <param name="plan">The generation that it follows.</param>
/// <param name="time">Clock for people's time stamps.</param>
internal sealed class Follower(PreparedRun run, MemberBoard board, GenerationPlan plan, TimeProvider time)
{
    private const long FirstLead = 2, MostLead = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), Pause = TimeSpan.FromMilliseconds(100);
    private readonly Rejections _rejections = new();

    private readonly GroupPlan _group = VoterPlan.Of(plan, ownRank: 0);
    private readonly CancellationToken _superseded = board.Follow(plan);
    // Each learner prefers other members, and the same ones in every generation: they have what it began to copy.
    private readonly int[] _ranks = [.. plan.Members.OrderBy(member => Distance(board.Info.Incarnation, member.Incarnation)).Select(member => member.Rank)];
    private StateFetch? _fetch;
    private long _lead = FirstLead;
    private int _turn;

    /// <summary>Follows until the run has another generation, or needs this worker no more.</summary>
    public void Follow()
    {
        board.Enter(WorkerPhase.Learning, run.Held.State.Step);
        // What it held in the generation before is enough, if somebody has the vectors since.
        bool hasState = run.Held.State.HasBegun;
        while (!_superseded.IsCancellationRequested) hasState = hasState ? KeepsUp(_ranks[_turn++ % _ranks.Length]) : Copies();
        _fetch?.Dispose();
    }

    /// <summary>Copies the state.</summary>
    /// <returns>Whether it is here; if not, it is worth another try.</returns>
    private bool Copies()
    {
        board.Enter(WorkerPhase.Learning, run.Held.State.Step);
        _fetch?.Dispose();
        _fetch = new(run.Held.Slices, [.. _ranks.Take(StateFetch.MostDonors).Select(rank => new Donor(plan.Members[rank].Worker, () => Connect(rank)))]);
        if (_fetch.Run(step: null, _lead, board.Ended) is not { } copy)
        {
            // Nobody lends a copy that was made without them, or all were past the step when they heard of it.
            if (_fetch.IsGone) _lead = Math.Min(2 * _lead, MostLead);
            _superseded.WaitHandle.WaitOne(Pause);
            return false;
        }
        run.Held.Take(copy, $"generation {plan.Number}");
        string sources = string.Join(", ", run.Held.Slices.Fetched.Select(one => $"{one.Value} of {one.Key}"));
        string refused = run.Held.Slices.Refused == 0 ? "" : $"; {run.Held.Slices.Refused} more came with wrong bytes and were refused";
        board.Happened("copied", $"The state of step {run.Held.State.Step} came in slices: {sources}{refused}", time.GetUtcNow());
        run.Held.Slices.Clear();
        return true;
    }

    /// <summary>Applies the steps as one member commits them, until it leaves the generation or is lost.</summary>
    /// <returns>False when it does not have what comes next, so that the state must be copied.</returns>
    private bool KeepsUp(int rank)
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
                    // Evaluations are the voters' work.
                    ProgressState? progress = null;
                    StateWire.Ask(stream, new(StateWire.Kind.Evaluation, run.Held.State.Step));
                    if (!Awaits(() => StateWire.Read(stream, out progress))) return false;
                    run.Held.Progress.State = progress! with { Sums = EpochSums.Zero };
                }
                StateWire.Ask(stream, new(StateWire.Kind.Reduced, run.Held.State.Step, StateWire.Digest(run.Held.State.Digest)));
                if (!Awaits(() => StateWire.Read(stream, vector))) return false;
                Apply(vector);
            }
        }
        catch (Exception error) when (error is IOException or InvalidDataException or SocketException or ObjectDisposedException or PeerLostException
            or OperationCanceledException)
        {
            if (error is InvalidDataException)
            {
                _rejections.Count(RejectionCause.DamagedPayload);
                Console.Error.WriteLine($"What {plan.Members[rank].Worker} sent is refused: {error.Message}");
            }
            _superseded.WaitHandle.WaitOne(Pause);
            return true;
        }
    }

    /// <summary>Reads answers until the member need not wait any more.</summary>
    /// <returns>Whether it had what was asked for.</returns>
    private bool Awaits(Func<Answer> read)
    {
        Answer answer;
        while ((answer = read()) is Answer.Waiting or Answer.Aligning)
            if (answer is Answer.Waiting) HasCaughtUp();
        return answer is Answer.Here;
    }

    /// <summary>The member waits for the step itself: from now on this worker could vote, and needs one member only.</summary>
    private void HasCaughtUp()
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
