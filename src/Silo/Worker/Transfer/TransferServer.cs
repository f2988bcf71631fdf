using System.Net.Sockets;
using Spikeformer.Collectives.Connections;
using Spikeformer.Diagnostics;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;
using Kind = Spikeformer.Silo.Worker.Transfer.StateWire.Kind;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>Serves a member's <see cref="TransferStore"/> to its borrowers during one generation, each on a thread of its own.</summary>
internal sealed class TransferServer : IDisposable
{
    // A frozen borrower must not keep copies and vectors alive.
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(1), SendPatience = TimeSpan.FromSeconds(10), AskPatience = TimeSpan.FromSeconds(60);

    private readonly TransferStore _store;
    private readonly Rejections _rejections = new();
    private readonly IDisposable _door;
    private readonly Lock _lock = new();
    private readonly List<Socket> _sockets = [];
    private bool _isClosed;

    /// <summary>Admits the borrowers of a generation from now on.</summary>
    public TransferServer(GroupPlan plan, DataListener listener, TransferStore store)
    {
        _store = store;
        store.Begin([.. plan.Members.Select(member => member.Incarnation)]);
        _door = listener.Open(plan, ConnectionPurpose.Transfer, Take);
    }

    public void Dispose()
    {
        _door.Dispose();
        lock (_lock)
        {
            _isClosed = true;
            // First, so that the borrowers do not seem to have disconnected by themselves.
            _store.End();
            foreach (Socket socket in _sockets) socket.Dispose();
        }
    }

    private void Take(PeerConnection connection)
    {
        Borrower borrower;
        lock (_lock)
        {
            if (_isClosed)
            {
                connection.Socket.Dispose();
                return;
            }
            _sockets.Add(connection.Socket);
            borrower = _store.Admit(connection.Incarnation);
        }
        new Thread(() => Serve(connection.Socket, borrower)) { Name = "transfer", IsBackground = true }.Start();
    }

    private void Serve(Socket socket, Borrower borrower)
    {
        try
        {
            using var stream = new NetworkStream(socket, ownsSocket: true)
            {
                ReadTimeout = (int)AskPatience.TotalMilliseconds,
                WriteTimeout = (int)SendPatience.TotalMilliseconds,
            };
            while (StateWire.ReadRequest(stream) is { } request && TryAnswer(stream, borrower, request))
            {
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            // The borrower has disconnected, or this member left the generation. Either way the borrower asks another member.
        }
        finally
        {
            _store.Remove(borrower);
            lock (_lock) _sockets.Remove(socket);
        }
    }

    /// <summary>Answers a request, and reports a wait every second until then.</summary>
    /// <returns>False once the generation has ended, or when the request is invalid.</returns>
    private bool TryAnswer(Stream stream, Borrower borrower, StateWire.Request request)
    {
        for (TimeSpan patience = TimeSpan.Zero; ; patience = KeepAlive)
        {
            Answer? answer = TryAnswer(stream, borrower, request, patience);
            if (answer is not (Answer.Waiting or Answer.Aligning)) return answer is not null;
            StateWire.Send(stream, answer.Value);
        }
    }

    private Answer? TryAnswer(Stream stream, Borrower borrower, StateWire.Request request, TimeSpan patience)
    {
        Answer? answer = null;
        switch (request.Kind)
        {
            case Kind.Position:
                answer = _store.AwaitPosition(borrower, patience, out Position position);
                if (answer is Answer.Here) StateWire.Send(stream, position);
                break;
            case Kind.Copy:
                answer = _store.AwaitCopy(borrower, request.Step, patience, out LentState? state);
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
                answer = _store.AwaitReduced(borrower, request.Step, request.Hash, patience, out byte[]? vector);
                if (answer is Answer.Here) StateWire.Send(stream, vector!);
                break;
            case Kind.Evaluation:
                answer = _store.AwaitEvaluation(borrower, request.Step, patience, out ProgressState? progress);
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
