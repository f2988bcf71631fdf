using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Collectives.Connections;

/// <summary>
/// The process's one listening socket of the data plane. A connection that proves to belong to a generation that is open here goes to whoever
/// opened it; everything else is refused, counted and closed. Strangers get at most 128 bytes and two seconds, 64 of them at a time: of more,
/// those that have been silent the longest make room, so that a crowd of them keeps no member out.
/// </summary>
public sealed class DataListener : IDisposable
{
    private const int MaxPending = 64;

    private readonly Socket _socket;
    private readonly Action<RejectionCause, IPAddress>? _refused;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly Dictionary<(ulong Run, long Number, Guid Nonce, ConnectionPurpose Purpose), Opening> _openings = [];
    private readonly List<Pending> _pending = [];
    private volatile bool _isDisposed;

    /// <summary>Begins to listen.</summary>
    /// <param name="address">The interface to bind to; never all of them by default.</param>
    /// <param name="port">0 takes a free one.</param>
    /// <param name="refused">Hears of each refusal, on the listener's thread. Members that come too early are none.</param>
    /// <param name="time">The clock of the handshakes; default the system's.</param>
    /// <exception cref="SocketException">The address or port cannot be had.</exception>
    public DataListener(IPAddress address, int port = 0, Action<RejectionCause, IPAddress>? refused = null, TimeProvider? time = null)
    {
        (_refused, _time) = (refused, time ?? TimeProvider.System);
        _socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            _socket.Bind(new IPEndPoint(address, port));
            _socket.Listen(256);
            _socket.Blocking = false;
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
        Port = ((IPEndPoint)_socket.LocalEndPoint!).Port;
        _thread = new Thread(Serve) { Name = "data-listener", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Connections refused, by cause.</summary>
    public Rejections Rejections { get; } = new();

    /// <summary>Lets connections of a generation in.</summary>
    /// <param name="plan">The generation, with this process as its own rank.</param>
    /// <param name="purpose">For what; each purpose is opened once.</param>
    /// <param name="handler">Gets each connection, on the listener's thread: it must hand it on and return.</param>
    /// <returns>Closes the door again; connections already in are not touched.</returns>
    /// <exception cref="InvalidOperationException">This purpose of this generation is open already.</exception>
    public IDisposable Open(GroupPlan plan, ConnectionPurpose purpose, Action<PeerConnection> handler)
    {
        plan.Validate();
        var key = (plan.RunHash, plan.GenerationNumber, plan.GenerationNonce, purpose);
        lock (_lock)
            if (!_openings.TryAdd(key, new(plan, handler)))
                throw new InvalidOperationException($"{purpose} connections of generation {plan.GenerationNumber} are open already.");
        return new Door(this, key);
    }

    /// <summary>Ends the listening. Connections already handed on stay.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _thread.Join();
        _socket.Dispose();
    }

    private void Serve()
    {
        while (!_isDisposed)
        {
            var waiting = new List<Socket>(_pending.Select(pending => pending.Socket)) { _socket };
            Socket.Select(waiting, null, null, 20_000);
            long now = _time.Milliseconds();
            foreach (Socket socket in waiting)
            {
                // The listening socket comes last: whoever has something to say is heard before anybody has to make room.
                if (socket == _socket) Accept(now);
                else if (_pending.Find(pending => pending.Socket == socket) is { } pending) Advance(pending);
            }
            foreach (Pending late in _pending.FindAll(pending => now - pending.Since > Handshake.Patience.TotalMilliseconds)) Refuse(late, RejectionCause.TooSlow);
        }
        foreach (Pending pending in _pending) pending.Socket.Dispose();
    }

    private void Accept(long now)
    {
        Socket? socket = null;
        try
        {
            socket = _socket.Accept();
            socket.Blocking = false;
            var stranger = new Pending(socket, now, ((IPEndPoint)socket.RemoteEndPoint!).Address);
            // The list is in the order of their coming. Those that have named an open generation are probably members.
            if (_pending.Count == MaxPending) Refuse(_pending.Find(pending => pending.Opening is null) ?? _pending[0], RejectionCause.TooSlow);
            _pending.Add(stranger);
        }
        catch (SocketException)
        {
            socket?.Dispose(); // it has gone again
        }
    }

    private void Advance(Pending pending)
    {
        int got = pending.Socket.Receive(pending.Bytes.AsSpan(pending.Received, pending.Due - pending.Received), SocketFlags.None, out SocketError error);
        if (error == SocketError.WouldBlock) return;
        if (error != SocketError.Success || got == 0)
        {
            Refuse(pending, RejectionCause.Abandoned);
            return;
        }
        pending.Received += got;
        if (pending.Received < pending.Due) return;
        if (pending.Opening is null) Challenge(pending);
        else Admit(pending);
    }

    private void Challenge(Pending pending)
    {
        if (Handshake.Read(pending.Hello) is not { } hello)
        {
            Refuse(pending, RejectionCause.Malformed);
            return;
        }
        lock (_lock) pending.Opening = _openings.GetValueOrDefault((hello.RunHash, hello.GenerationNumber, hello.GenerationNonce, hello.Purpose));
        if (pending.Opening is not { } opening)
        {
            // Perhaps not yet: the other process may be faster. A zombie gets the same answer until it gives up.
            Refuse(pending, RejectionCause.WrongGeneration, Answer.NotOpen);
            return;
        }
        if (opening.Objection(hello) is { } cause)
        {
            Refuse(pending, cause);
            return;
        }
        (pending.Peer, pending.Due) = (hello, Handshake.HelloBytes + Handshake.ProofBytes);
        RandomNumberGenerator.Fill(pending.Random);
        Send(pending, [(byte)Answer.Welcome, .. pending.Random, .. Handshake.ListenerProof(opening.Plan.Secret, pending.Hello, pending.Random)]);
    }

    private void Admit(Pending pending)
    {
        Opening opening = pending.Opening!;
        byte[] proof = Handshake.ConnectorProof(opening.Plan.Secret, pending.Hello, pending.Random);
        if (!CryptographicOperations.FixedTimeEquals(proof, pending.Bytes.AsSpan(Handshake.HelloBytes, Handshake.ProofBytes)))
        {
            Refuse(pending, RejectionCause.WrongSecret);
            return;
        }
        if (!opening.Register(pending.Peer))
        {
            Refuse(pending, RejectionCause.Duplicate);
            return;
        }
        try
        {
            SocketSettings.Apply(pending.Socket, opening.Plan.Options);
        }
        catch (SocketException)
        {
            Refuse(pending, RejectionCause.Abandoned);
            return;
        }
        Send(pending, [(byte)Answer.Welcome]);
        _pending.Remove(pending);
        pending.Socket.Blocking = true;
        opening.Handler(new(pending.Peer.From, pending.Peer.FromIncarnation, pending.Socket));
    }

    private void Refuse(Pending pending, RejectionCause cause, Answer answer = Answer.Refused)
    {
        Rejections.Count(cause);
        if (answer is Answer.Refused) _refused?.Invoke(cause, pending.From);
        // As long as the challenge, so that the connector has one thing to wait for.
        Send(pending, [(byte)answer, .. new byte[pending.Due == Handshake.HelloBytes ? Handshake.ChallengeBytes - 1 : 0]]);
        Drop(pending);
    }

    private void Drop(Pending pending)
    {
        _pending.Remove(pending);
        pending.Socket.Dispose();
    }

    // A fresh connection has room for these few bytes; if not, the connector tries again.
    private static void Send(Pending pending, ReadOnlySpan<byte> bytes) => pending.Socket.Send(bytes, SocketFlags.None, out _);

    /// <summary>A connection that has proved nothing yet.</summary>
    private sealed class Pending(Socket socket, long since, IPAddress from)
    {
        public readonly Socket Socket = socket;
        public readonly IPAddress From = from;
        public readonly long Since = since;
        public readonly byte[] Bytes = new byte[Handshake.HelloBytes + Handshake.ProofBytes], Random = new byte[32];
        public int Received, Due = Handshake.HelloBytes;
        public Hello Peer;
        public Opening? Opening;

        public ReadOnlySpan<byte> Hello => Bytes.AsSpan(0, Handshake.HelloBytes);
    }

    /// <summary>A generation that is open for one purpose, and who has come in.</summary>
    private sealed class Opening(GroupPlan plan, Action<PeerConnection> handler)
    {
        private readonly HashSet<int> _ranks = [];

        public GroupPlan Plan => plan;
        public Action<PeerConnection> Handler => handler;

        public RejectionCause? Objection(Hello hello)
        {
            if (hello.To != plan.OwnRank || hello.ToIncarnation != plan.Own.Incarnation) return RejectionCause.WrongIncarnation;
            if (hello is { From: GroupDialer.Learner, Purpose: ConnectionPurpose.Transfer }) return null;
            if ((uint)hello.From >= plan.WorldSize || hello.From == plan.OwnRank) return RejectionCause.Malformed;
            return hello.FromIncarnation == plan.Members[hello.From].Incarnation ? null : RejectionCause.WrongIncarnation;
        }

        public bool Register(Hello hello) => hello.Purpose == ConnectionPurpose.Transfer || _ranks.Add(hello.From);
    }

    private sealed class Door(DataListener listener, (ulong, long, Guid, ConnectionPurpose) key) : IDisposable
    {
        public void Dispose()
        {
            lock (listener._lock) listener._openings.Remove(key);
        }
    }
}
