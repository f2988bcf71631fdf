using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Spikeformer.Collectives.Connections;

/// <summary>
/// The process's one listening socket of the data plane. A connection that proves to belong to an open generation is handed to the code that
/// opened the generation. Every other connection is refused, counted and closed.
/// </summary>
/// <remarks>A connection that has proved nothing yet may send 128 bytes within two seconds. At most 64 such connections wait at a time: the oldest
/// makes room for a new one, so that a crowd of strangers cannot keep members out.</remarks>
internal sealed class DataListener : IDisposable
{
    private const int MaxPending = 64;

    private readonly Socket _socket;
    private readonly Action<RejectionCause, IPAddress>? _refused;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly Dictionary<(ulong Run, long Number, Guid Nonce, ConnectionPurpose Purpose), OpenGeneration> _generations = [];
    private readonly List<Pending> _pending = [];
    private volatile bool _isDisposed;

    /// <summary>Starts to listen.</summary>
    /// <param name="address">The interface to bind to.</param>
    /// <param name="port">The TCP port; 0 takes a free one.</param>
    /// <param name="refused">Called for each refusal, on the listener's thread. A member that connects too early is not a refusal.</param>
    /// <param name="time">The clock of the handshakes; default the system's.</param>
    /// <exception cref="SocketException">The address or port is not available.</exception>
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

    /// <summary>TCP port of the socket.</summary>
    public int Port { get; }

    /// <summary>Connections refused, by cause.</summary>
    public Rejections Rejections { get; } = new();

    /// <summary>Opens a generation: its connections are admitted.</summary>
    /// <param name="plan">The generation, with this process as its own rank.</param>
    /// <param name="purpose">The purpose to admit; each purpose is opened once.</param>
    /// <param name="handler">Receives each connection, on the listener's thread. It must return quickly.</param>
    /// <returns>An object that closes the generation again when disposed. Connections that were admitted stay.</returns>
    /// <exception cref="InvalidOperationException">This purpose of this generation is open already.</exception>
    public IDisposable Open(GroupPlan plan, ConnectionPurpose purpose, Action<PeerConnection> handler)
    {
        plan.Validate();
        var key = (plan.RunHash, plan.GenerationNumber, plan.GenerationNonce, purpose);
        lock (_lock)
            if (!_generations.TryAdd(key, new(plan, handler)))
                throw new InvalidOperationException($"{purpose} connections of generation {plan.GenerationNumber} are open already.");
        return new Door(this, key);
    }

    /// <summary>Stops listening. Connections that were admitted stay.</summary>
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
                // The listening socket is last in the list: connections that have sent something are served before one has to make room.
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
            // The list is in order of arrival. A connection that has named an open generation is probably a member's, and makes room last.
            if (_pending.Count == MaxPending) Refuse(_pending.Find(pending => pending.Generation is null) ?? _pending[0], RejectionCause.TooSlow);
            _pending.Add(stranger);
        }
        catch (SocketException)
        {
            socket?.Dispose(); // the connector has hung up
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
        if (pending.Generation is null) Challenge(pending);
        else Admit(pending);
    }

    private void Challenge(Pending pending)
    {
        if (Handshake.Read(pending.Hello) is not { } hello)
        {
            Refuse(pending, RejectionCause.Malformed);
            return;
        }
        lock (_lock) pending.Generation = _generations.GetValueOrDefault((hello.RunHash, hello.GenerationNumber, hello.GenerationNonce, hello.Purpose));
        if (pending.Generation is not { } generation)
        {
            // It may be opened soon: the other process was faster. A zombie gets the same answer until it gives up.
            Refuse(pending, RejectionCause.WrongGeneration, Answer.NotOpen);
            return;
        }
        if (generation.Objection(hello) is { } cause)
        {
            Refuse(pending, cause);
            return;
        }
        (pending.Peer, pending.Due) = (hello, Handshake.HelloBytes + Handshake.ProofBytes);
        RandomNumberGenerator.Fill(pending.Random);
        Send(pending, [(byte)Answer.Welcome, .. pending.Random, .. Handshake.ListenerProof(generation.Plan.Secret, pending.Hello, pending.Random)]);
    }

    private void Admit(Pending pending)
    {
        OpenGeneration generation = pending.Generation!;
        byte[] proof = Handshake.ConnectorProof(generation.Plan.Secret, pending.Hello, pending.Random);
        if (!CryptographicOperations.FixedTimeEquals(proof, pending.Bytes.AsSpan(Handshake.HelloBytes, Handshake.ProofBytes)))
        {
            Refuse(pending, RejectionCause.WrongSecret);
            return;
        }
        if (!generation.Register(pending.Peer))
        {
            Refuse(pending, RejectionCause.Duplicate);
            return;
        }
        try
        {
            SocketSettings.Apply(pending.Socket, generation.Plan.Options);
        }
        catch (SocketException)
        {
            Refuse(pending, RejectionCause.Abandoned);
            return;
        }
        Send(pending, [(byte)Answer.Welcome]);
        _pending.Remove(pending);
        pending.Socket.Blocking = true;
        generation.Handler(new(pending.Peer.From, pending.Peer.FromIncarnation, pending.Socket));
    }

    private void Refuse(Pending pending, RejectionCause cause, Answer answer = Answer.Refused)
    {
        Rejections.Count(cause);
        if (answer is Answer.Refused) _refused?.Invoke(cause, pending.From);
        // As long as a challenge, so that the connector reads one length in every case.
        Send(pending, [(byte)answer, .. new byte[pending.Due == Handshake.HelloBytes ? Handshake.ChallengeBytes - 1 : 0]]);
        _pending.Remove(pending);
        pending.Socket.Dispose();
    }

    // A new connection has room for these few bytes. If it does not, the connector tries again.
    private static void Send(Pending pending, ReadOnlySpan<byte> bytes) => pending.Socket.Send(bytes, SocketFlags.None, out _);

    /// <summary>A connection in its handshake.</summary>
    private sealed class Pending(Socket socket, long since, IPAddress from)
    {
        public readonly Socket Socket = socket;
        public readonly IPAddress From = from;
        public readonly long Since = since;
        public readonly byte[] Bytes = new byte[Handshake.HelloBytes + Handshake.ProofBytes], Random = new byte[32];
        public int Received, Due = Handshake.HelloBytes;
        public Hello Peer;
        public OpenGeneration? Generation;

        public ReadOnlySpan<byte> Hello => Bytes.AsSpan(0, Handshake.HelloBytes);
    }

    /// <summary>A generation that is open for one purpose, and the ranks that were admitted.</summary>
    private sealed class OpenGeneration(GroupPlan plan, Action<PeerConnection> handler)
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
            lock (listener._lock) listener._generations.Remove(key);
        }
    }
}
