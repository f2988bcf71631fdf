using System.Net.Sockets;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.Diagnostics;
using Spikeformer.Runs;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;
using Kind = Spikeformer.Silo.Worker.Transfer.StateWire.Kind;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>Serves a member's <see cref="TransferStore"/> to those who follow its generation, each on a thread of its own.</summary>
internal sealed class TransferServer : IDisposable
{
    // A follower that is frozen must not keep what it was lent.
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(1), SendPatience = TimeSpan.FromSeconds(10), AskPatience = TimeSpan.FromSeconds(60);

    private readonly TransferStore _store;
    private readonly Rejections _rejections = new();
    private readonly IDisposable _door;
    private readonly Lock _lock = new();
    private readonly List<Socket> _sockets = [];
    private bool _isClosed;

    /// <summary>Opens the door for followers of a generation.</summary>
    public TransferServer(GroupPlan plan, DataListener listener, TransferStore store)
    {
        _store = store;
        store.Begin([.. plan.Members.Select(member => member.Incarnation)]);
        _door = listener.Open(plan, ConnectionPurpose.Transfer, Take);
    }

    /// <summary>Closes all connections.</summary>
    public void Dispose()
    {
        _door.Dispose();
        lock (_lock)
        {
            _isClosed = true;
            // First, so that the followers do not seem to have gone by themselves.
            _store.End();
            foreach (Socket socket in _sockets) socket.Dispose();
        }
    }

    private void Take(PeerConnection connection)
    {
        TransferStore.Follower follower;
        lock (_lock)
        {
            if (_isClosed)
            {
                connection.Socket.Dispose();
                return;
            }
            _sockets.Add(connection.Socket);
            follower = _store.Follow(connection.Incarnation);
        }
        new Thread(() => Serve(connection.Socket, follower)) { Name = "transfer", IsBackground = true }.Start();
    }

    private void Serve(Socket socket, TransferStore.Follower follower)
    {
        try
        {
            using var stream = new NetworkStream(socket, ownsSocket: true)
            {
                ReadTimeout = (int)AskPatience.TotalMilliseconds,
                WriteTimeout = (int)SendPatience.TotalMilliseconds,
            };
            while (StateWire.ReadRequest(stream) is { } request && TryAnswer(stream, follower, request))
            {
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            // The follower has gone, or this member has left: it asks somebody else.
        }
        finally
        {
            _store.Leave(follower);
            lock (_lock) _sockets.Remove(socket);
        }
    }

    /// <summary>Answers a request, and until it can, says that it waits.</summary>
    /// <returns>False once the generation is over, or when the request is none.</returns>
    private bool TryAnswer(Stream stream, TransferStore.Follower follower, StateWire.Request request)
    {
        for (TimeSpan patience = TimeSpan.Zero; ; patience = KeepAlive)
        {
            Answer? answer = TryAnswer(stream, follower, request, patience);
            if (answer is not (Answer.Waiting or Answer.Aligning)) return answer is not null;
            StateWire.Send(stream, answer.Value);
        }
    }

    private Answer? TryAnswer(Stream stream, TransferStore.Follower follower, StateWire.Request request, TimeSpan patience)
    {
        Answer? answer = null;
        switch (request.Kind)
        {
            case Kind.Position:
                answer = _store.Await(follower, patience, out Position position);
                if (answer is Answer.Here) StateWire.Send(stream, position);
                break;
            case Kind.Copy:
                answer = _store.AwaitCopy(follower, request.Step, patience, out LentState? state);
                if (answer is not Answer.Here) break;
                FailPoints.Hit("lend", request.Step);
                StateWire.Send(stream, state!.Table);
                break;
            case Kind.Slice:
                if (_store.Copy(request.Step)?.Find(request.Hash) is { } parts)
                {
                    answer = Answer.Here;
                    FailPoints.Hit("lendSlice", request.Step);
                    StateWire.Send(stream, request.Hash, parts);
                }
                else answer = Answer.Gone;
                break;
            case Kind.Reduced:
                answer = _store.AwaitReduced(follower, request.Step, request.Hash, patience, out byte[]? vector);
                if (answer is Answer.Here) StateWire.Send(stream, vector!);
                break;
            case Kind.Evaluation:
                answer = _store.AwaitEvaluation(follower, request.Step, patience, out ProgressState? progress);
                if (answer is Answer.Here) StateWire.Send(stream, progress!);
                break;
            default:
                _rejections.Count(RejectionCause.Malformed);
                break;
        }
        if (answer is Answer.Gone) StateWire.Send(stream, Answer.Gone);
        return answer;
    }
}
