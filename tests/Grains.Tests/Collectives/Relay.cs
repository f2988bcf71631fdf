using System.Net;
using System.Net.Sockets;
using Spikeformer.Collectives.Connections;

namespace Spikeformer.Grains.Tests.Collectives;

/// <summary>A bad network between two members: a callback sees every byte, and may change it, delay it or act on it.</summary>
internal sealed class Relay : IDisposable
{
    private const int PurposeAt = 6;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly int _target;
    private readonly Touch _touch;

    public delegate void Touch(ConnectionPurpose purpose, bool fromConnector, long offset, Span<byte> bytes);

    /// <param name="target">Port of the listener behind the relay.</param>
    /// <param name="touch">Called for all bytes that pass, with the connection's purpose, whether the connecting side sent them, their offset, and the bytes.</param>
    public Relay(int target, Touch touch)
    {
        (_target, _touch) = (target, touch);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        try
        {
            while (true)
            {
                Socket near = _listener.Accept(), far = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                far.Connect(IPAddress.Loopback, _target);
                var purpose = new TaskCompletionSource<ConnectionPurpose>();
                new Thread(() => Pump(near, far, true, purpose)) { IsBackground = true }.Start();
                new Thread(() => Pump(far, near, false, purpose)) { IsBackground = true }.Start();
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private void Pump(Socket from, Socket to, bool fromConnector, TaskCompletionSource<ConnectionPurpose> purpose)
    {
        var buffer = new byte[64 << 10];
        try
        {
            int got;
            for (long offset = 0; (got = from.Receive(buffer)) > 0; offset += got)
            {
                if (fromConnector && offset == 0) purpose.TrySetResult((ConnectionPurpose)buffer[PurposeAt]);
                _touch(purpose.Task.Result, fromConnector, offset, buffer.AsSpan(0, got));
                to.Send(buffer.AsSpan(0, got));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // One side has closed, or the pump of the other direction has closed both.
        }
        from.Dispose();
        to.Dispose();
    }
}
