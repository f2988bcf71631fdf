using System.Net.Sockets;

namespace Spikeformer.Collectives.Connections;

/// <summary>Makes the connections of a generation for some purposes. In each pair the higher rank connects to the lower one, which waits.</summary>
internal sealed class Rendezvous : IDisposable
{
    private readonly GroupPlan _plan;
    private readonly long _end;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<(ConnectionPurpose, int), Socket> _arrived = [];
    private readonly IDisposable[] _openings;
    private bool _isDisposed;

    public Rendezvous(GroupPlan plan, DataListener listener, TimeSpan deadline, CancellationToken cancellation, params ConnectionPurpose[] purposes)
    {
        (_plan, _cancellation, _end) = (plan, cancellation, plan.Options.Time.Milliseconds() + (long)deadline.TotalMilliseconds);
        _openings = Array.ConvertAll(purposes, purpose => listener.Open(plan, purpose, connection => Arrive(purpose, connection)));
    }

    public TimeSpan TimeLeft => TimeSpan.FromMilliseconds(Math.Max(0, _end - _plan.Options.Time.Milliseconds()));

    /// <summary>Returns the connection with a member. The caller owns it.</summary>
    /// <exception cref="PeerLostException">No connection was made before the deadline.</exception>
    public Socket With(int rank, ConnectionPurpose purpose)
    {
        if (rank < _plan.OwnRank) return GroupDialer.Connect(_plan, rank, purpose, TimeLeft, _cancellation);
        lock (_arrived)
        {
            Socket? socket;
            while (!_arrived.Remove((purpose, rank), out socket))
            {
                _cancellation.ThrowIfCancellationRequested();
                if (TimeLeft == TimeSpan.Zero)
                    throw new PeerLostException(new(PeerLossReason.NotConnected, [rank], $"{_plan.Name(rank)} of generation {_plan.GenerationNumber} did not connect in time"));
                Monitor.Wait(_arrived, TimeSpan.FromMilliseconds(Math.Min(50, TimeLeft.TotalMilliseconds)));
            }
            return socket;
        }
    }

    /// <summary>Closes the generation in the listener, and connections that were not fetched.</summary>
    public void Dispose()
    {
        foreach (IDisposable opening in _openings) opening.Dispose();
        lock (_arrived)
        {
            _isDisposed = true;
            foreach (Socket socket in _arrived.Values) socket.Dispose();
            _arrived.Clear();
        }
    }

    private void Arrive(ConnectionPurpose purpose, PeerConnection connection)
    {
        lock (_arrived)
        {
            if (_isDisposed) connection.Socket.Dispose();
            else _arrived.Add((purpose, connection.Rank), connection.Socket);
            Monitor.PulseAll(_arrived);
        }
    }
}
