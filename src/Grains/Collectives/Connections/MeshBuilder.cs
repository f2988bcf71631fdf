using System.Net.Sockets;
using System.Security.Cryptography;

namespace Spikeformer.Collectives;

/// <summary>
/// Connects a group. First a control connection for each pair, from the higher rank to the lower; over these the members of one host agree on a
/// shared segment; then a data connection for each pair that does not share memory.
/// </summary>
internal sealed class MeshBuilder : IDisposable
{
    private readonly GroupPlan _plan;
    private readonly long _end;
    private readonly CancellationToken _cancellation;
    private readonly Dictionary<(ConnectionPurpose, int), Socket> _arrived = [];
    private readonly List<IDisposable> _owned = [];
    private readonly IDisposable[] _doors;
    private readonly SortedSet<string> _warnings = [];
    private SharedMemorySegment? _segment;
    private bool _isOver;

    public MeshBuilder(GroupPlan plan, DataListener listener, TimeSpan deadline, CancellationToken cancellation)
    {
        (_plan, _cancellation, _end) = (plan, cancellation, Environment.TickCount64 + (long)deadline.TotalMilliseconds);
        _doors = [.. ((ConnectionPurpose[])[ConnectionPurpose.Control, ConnectionPurpose.Data]).Select(purpose =>
            listener.Open(plan, purpose, connection => Arrive(purpose, connection)))];
    }

    /// <exception cref="PeerLostException">A member could not be connected in time.</exception>
    public Mesh Build()
    {
        Peer[] peers = new Peer[_plan.WorldSize - 1];
        for (int i = 0; i < peers.Length; i++)
        {
            int rank = (_plan.OwnRank + 1 + i) % _plan.WorldSize;
            Socket socket = ConnectTo(rank, ConnectionPurpose.Control);
            peers[i] = new(rank, FrameHeader.Of(_plan, rank), new(socket, FrameHeader.Of(_plan, _plan.OwnRank), FrameHeader.Of(_plan, rank)));
            _owned.Add(peers[i]);
        }
        Doorbell? bell = ShareMemory(peers);
        foreach (Peer peer in peers.Where(peer => peer.Link is null))
        {
            Socket socket = ConnectTo(peer.Rank, ConnectionPurpose.Data);
            if (SocketSettings.ApplyCongestionControl(socket, _plan.Options.CongestionControl) is { } warning) _warnings.Add(warning);
            peer.Link = new TcpLink(socket, hashes: _plan.Options.Checksum && _plan.Members[peer.Rank].HostId != _plan.Own.HostId);
        }
        var mesh = new Mesh(peers, _segment, bell, _doors, [.. _warnings]);
        _owned.Clear();
        _isOver = true;
        return mesh;
    }

    /// <summary>Closes everything, unless the mesh was built and has it now.</summary>
    public void Dispose()
    {
        if (_isOver) return;
        foreach (IDisposable door in _doors) door.Dispose();
        lock (_arrived)
        {
            _isOver = true;
            foreach (Socket socket in _arrived.Values) socket.Dispose();
        }
        foreach (IDisposable owned in _owned) owned.Dispose();
        _segment?.Dispose();
    }

    private TimeSpan Left => TimeSpan.FromMilliseconds(Math.Max(0, _end - Environment.TickCount64));

    private void Arrive(ConnectionPurpose purpose, PeerConnection connection)
    {
        lock (_arrived)
        {
            if (_isOver) connection.Socket.Dispose();
            else _arrived.Add((purpose, connection.Rank), connection.Socket);
            Monitor.PulseAll(_arrived);
        }
    }

    private Socket ConnectTo(int rank, ConnectionPurpose purpose)
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
                Monitor.Wait(_arrived, Left < TimeSpan.FromMilliseconds(50) ? Left : TimeSpan.FromMilliseconds(50));
            }
            return socket;
        }
    }

    /// <summary>Shares memory with the other members of this host if all of them can.</summary>
    private Doorbell? ShareMemory(Peer[] peers)
    {
        List<int> members = [.. Enumerable.Range(0, _plan.WorldSize).Where(rank => _plan.Members[rank].HostId == _plan.Own.HostId)];
        if (_plan.Options.Transport == TransportChoice.ForceTcp || members.Count < 2) return null;
        Peer[] neighbours = [.. peers.Where(peer => members.Contains(peer.Rank))];
        bool isFirst = members[0] == _plan.OwnRank;
        string path = Path.Combine(_plan.Options.SharedMemoryFolder, SegmentName(members[0]));
        try
        {
            if (!(isFirst ? OfferSegment(path, members.Count, neighbours) : AcceptSegment(path, members.Count, neighbours.Single(peer => peer.Rank == members[0]))))
            {
                _segment?.Dispose();
                _segment = null;
                return null;
            }
        }
        finally
        {
            // All have mapped it, or nobody will. Whoever dies before this point leaves the others to do it.
            File.Delete(path);
        }
        int own = members.IndexOf(_plan.OwnRank);
        var bell = new Doorbell(_segment!, own);
        foreach (Peer peer in neighbours)
            peer.Link = new SharedMemoryLink(_segment!, bell, own, members.IndexOf(peer.Rank), () => peer.Control.Send(FrameKind.Doorbell));
        return bell;
    }

    private bool OfferSegment(string path, int members, Peer[] neighbours)
    {
        Map(() => SharedMemorySegment.Create(path, members, Group.BlockBytes(_plan)));
        foreach (Peer peer in neighbours) peer.Control.Send(FrameKind.SegmentMade, value: _segment is null ? 0u : 1);
        if (_segment is null) return false;
        bool all = true;
        foreach (Peer peer in neighbours) all &= Await(peer, FrameKind.SegmentMapped);
        foreach (Peer peer in neighbours) peer.Control.Send(FrameKind.SegmentDecided, value: all ? 1u : 0);
        if (!all) _warnings.Add("Another worker of this host cannot map the shared memory; they use TCP");
        return all;
    }

    private bool AcceptSegment(string path, int members, Peer first)
    {
        if (!Await(first, FrameKind.SegmentMade)) return false;
        Map(() => SharedMemorySegment.Open(path, members, Group.BlockBytes(_plan)));
        first.Control.Send(FrameKind.SegmentMapped, value: _segment is null ? 0u : 1);
        return Await(first, FrameKind.SegmentDecided);
    }

    private void Map(Func<SharedMemorySegment> map)
    {
        try
        {
            _segment = map();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _warnings.Add($"No shared memory, so the workers of this host use TCP: {error.Message.TrimEnd('.')}. Give {_plan.Options.SharedMemoryFolder} " +
                $"{SharedMemorySegment.Size(_plan.Members.Count(member => member.HostId == _plan.Own.HostId), Group.BlockBytes(_plan)) >> 20} MiB");
        }
    }

    private bool Await(Peer peer, FrameKind kind)
    {
        try
        {
            while (true)
            {
                if (peer.Control.TryRead(out FrameHeader frame))
                    return frame.Kind == kind ? frame.Value == 1
                        : throw new LinkException(PeerLossReason.WrongFrame, $"sent {frame.Kind} where {kind} was due", RejectionCause.WrongFrame);
                _cancellation.ThrowIfCancellationRequested();
                if (Left == TimeSpan.Zero) throw new LinkException(PeerLossReason.NotConnected, $"sent no {kind} in time");
                peer.Control.WaitForFrame(Left);
            }
        }
        catch (LinkException failure)
        {
            throw new PeerLostException([peer.Rank], failure.Reason, $"{_plan.Name(peer.Rank)} {failure.Message}", failure);
        }
    }

    /// <summary>A name that only those who know the secret can guess, so that it need not be sent.</summary>
    private string SegmentName(int first)
    {
        byte[] identity = [.. "segment"u8, .. _plan.GenerationNonce.ToByteArray(), (byte)first];
        return $"spikeformer-{Convert.ToHexStringLower(HMACSHA256.HashData(_plan.Secret.Span, identity)[..16])}";
    }
}
