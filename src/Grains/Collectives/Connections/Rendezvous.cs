using System.Net.Sockets;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Collectives.Connections;

/// <summary>Brings each pair of members together for some purposes: the higher rank connects to the lower, which waits for it.</summary>
internal sealed class Rendezvous : IDisposable
{
    private readonly GroupPlan _plan;
    private readonly long _end;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<(ConnectionPurpose, int), Socket> _arrived = [];
    private readonly IDisposable[] _doors;
    private bool _isOver;

    public Rendezvous(GroupPlan plan, DataListener listener, TimeSpan deadline, CancellationToken cancellation, params ConnectionPurpose[] purposes)
    {
        (_plan, _cancellation, _end) = (plan, cancellation, plan.Options.Time.Milliseconds() + (long)deadline.TotalMilliseconds);
        _doors = Array.ConvertAll(purposes, purpose => listener.Open(plan, purpose, connection => Arrive(purpose, connection)));
    }

    /// <summary>Time until the deadline.</summary>
    public TimeSpan Left => TimeSpan.FromMilliseconds(Math.Max(0, _end - _plan.Options.Time.Milliseconds()));

    /// <summary>The connection with a member; the caller owns it.</summary>
    /// <exception cref="PeerLostException">It did not come about before the deadline.</exception>
    public Socket With(int rank, ConnectionPurpose purpose)
    {
        if (rank < _plan.OwnRank) return GroupDialer.Connect(_plan, rank, purpose, Left, _cancellation);
        lock (_arrived)
        {
            Socket? socket;
            while (!_arrived.Remove((purpose, rank), out socket))
            {
                _cancellation.ThrowIfCancellationRequested();
                if (Left == TimeSpan.Zero)
                    throw new PeerLostException([rank], PeerLossReason.NotConnected, $"{_plan.Name(rank)} of generation {_plan.GenerationNumber} did not connect in time");
                Monitor.Wait(_arrived, TimeSpan.FromMilliseconds(Math.Min(50, Left.TotalMilliseconds)));
            }
            return socket;
        }
    }

    /// <summary>Closes the doors, and connections that nobody has fetched.</summary>
    public void Dispose()
    {
        foreach (IDisposable door in _doors) door.Dispose();
        lock (_arrived)
        {
            _isOver = true;
            foreach (Socket socket in _arrived.Values) socket.Dispose();
            _arrived.Clear();
        }
    }

    private void Arrive(ConnectionPurpose purpose, PeerConnection connection)
    {
        lock (_arrived)
        {
            if (_isOver) connection.Socket.Dispose();
            else _arrived.Add((purpose, connection.Rank), connection.Socket);
            Monitor.PulseAll(_arrived);
        }
    }
}
