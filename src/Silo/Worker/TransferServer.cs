using System.Net.Sockets;
using Spikeformer.Collectives;

namespace Spikeformer.Silo.Worker;

/// <summary>Serves a member's <see cref="TransferStore"/> to those who follow its generation, each on a thread of its own.</summary>
internal sealed class TransferServer : IDisposable
{
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
        _door = listener.Open(plan, ConnectionPurpose.Transfer, Take);
    }

    /// <summary>Closes all connections.</summary>
    public void Dispose()
    {
        _door.Dispose();
        lock (_lock)
        {
            _isClosed = true;
            foreach (Socket socket in _sockets) socket.Dispose();
        }
    }

    private void Take(PeerConnection connection)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                connection.Socket.Dispose();
                return;
            }
            _sockets.Add(connection.Socket);
        }
        new Thread(() => Serve(connection.Socket)) { Name = "transfer", IsBackground = true }.Start();
    }

    private void Serve(Socket socket)
    {
        try
        {
            using var stream = new NetworkStream(socket, ownsSocket: true);
            using IDisposable follower = _store.Follow();
            while (StateWire.ReadRequest(stream) is var (request, step))
            {
                if (!Enum.IsDefined(request))
                {
                    _rejections.Count(RejectionCause.Malformed);
                    return;
                }
                switch (request)
                {
                    case StateWire.Request.State when _store.AwaitState(step) is { } state:
                        FailPoints.Hit("lend", state.Counters.Step);
                        StateWire.Send(stream, state);
                        break;
                    case StateWire.Request.Reduced when _store.AwaitReduced(step) is { } vector:
                        if (vector.Length == 0) StateWire.Send(stream, StateWire.Answer.Gone);
                        else StateWire.Send(stream, vector);
                        break;
                    default: StateWire.Send(stream, StateWire.Answer.Left); break;
                }
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            // The follower has gone, or this member has left: it asks somebody else.
        }
    }
}
