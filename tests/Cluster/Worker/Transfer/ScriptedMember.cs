using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Spikeformer.Silo.Worker.Transfer;

namespace Spikeformer.Cluster.Worker.Transfer;

/// <summary>A member that lends one state over a real connection, and answers each request for a slice as a test wants.</summary>
internal sealed class ScriptedMember : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly StateCopy _state;
    private readonly LentState _lent;
    private readonly Func<int, byte[], byte[]?> _answer;
    private readonly ManualResetEventSlim? _after;

    /// <param name="name">The name of its worker.</param>
    /// <param name="state">The state to lend.</param>
    /// <param name="answer">Takes the count of earlier requests for slices and the right bytes; returns the bytes to send, or null to close the
    /// connection.</param>
    /// <param name="after">The member answers that it waits until this is set.</param>
    public ScriptedMember(string name, StateCopy state, Func<int, byte[], byte[]?> answer, ManualResetEventSlim? after = null)
    {
        (Name, _state, _lent, _answer, _after) = (name, state, new(state, States.SliceBytes), answer, after);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        new Thread(Serve) { Name = name, IsBackground = true }.Start();
    }

    public string Name { get; }

    /// <summary>The requested slices, in order.</summary>
    public ConcurrentQueue<UInt128> Asked { get; } = [];

    public Donor Donor => new(Name, () =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(_listener.LocalEndPoint!);
        return socket;
    });

    public void Dispose() => _listener.Dispose();

    private void Serve()
    {
        while (true)
            try
            {
                using var stream = new NetworkStream(_listener.Accept(), ownsSocket: true);
                while (StateWire.ReadRequest(stream) is { } request && TryAnswer(stream, request))
                {
                }
            }
            catch (IOException)
            {
                // The learner has disconnected.
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return;
            }
    }

    private bool TryAnswer(Stream stream, StateWire.Request request)
    {
        if (request.Kind is StateWire.Kind.Position) StateWire.Send(stream, new Position(_lent.Table.Step, _lent.Table.Step));
        else if (request.Kind is StateWire.Kind.Copy && request.Step == _lent.Table.Step) StateWire.Send(stream, _lent.Table);
        else if (request.Kind is not StateWire.Kind.Slice) StateWire.Send(stream, StateWire.Answer.Gone);
        else
        {
            int before = Asked.Count;
            Asked.Enqueue(request.Hash);
            while (_after?.Wait(500) == false) StateWire.Send(stream, StateWire.Answer.Waiting);
            if (_answer(before, _state.Bytes(request.Hash)) is not { } bytes) return false;
            StateWire.Send(stream, request.Hash, [bytes]);
        }
        return true;
    }
}
