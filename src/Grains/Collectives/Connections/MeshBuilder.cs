using System.Net.Sockets;
using System.Security.Cryptography;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;

namespace Spikeformer.Collectives.Connections;

/// <summary>
/// Connects a group in three phases: a control connection for each pair, from the higher rank to the lower; a shared segment, on which the members
/// of one host agree over these; and a data connection for each pair that does not share memory.
/// </summary>
internal sealed class MeshBuilder(GroupPlan plan, Rendezvous rendezvous, Rejections rejections, CancellationToken cancellation)
{
    private readonly SortedSet<string> _warnings = [];
    private SharedMemorySegment? _segment;

    /// <exception cref="PeerLostException">A member could not be reached in time.</exception>
    public Mesh Build()
    {
        var peers = new List<Peer>();
        try
        {
            for (int i = 1; i < plan.WorldSize; i++)
            {
                int rank = (plan.OwnRank + i) % plan.WorldSize;
                Socket socket = rendezvous.With(rank, ConnectionPurpose.Control);
                peers.Add(new(rank, FrameHeader.Of(plan, rank), new(socket, FrameHeader.Of(plan, plan.OwnRank), FrameHeader.Of(plan, rank))));
            }
            Doorbell? bell = ShareMemory(peers);
            foreach (Peer peer in peers.Where(peer => peer.Link is null))
            {
                Socket socket = rendezvous.With(peer.Rank, ConnectionPurpose.Data);
                if (SocketSettings.ApplyCongestionControl(socket, plan.Options.CongestionControl) is { } warning) _warnings.Add(warning);
                peer.Link = new TcpLink(socket, hashes: plan.Options.Checksum && plan.Members[peer.Rank].HostId != plan.Own.HostId);
            }
            return new(peers, _segment, bell, rendezvous, [.. _warnings]);
        }
        catch
        {
            foreach (Peer peer in peers) peer.Dispose();
            _segment?.Dispose();
            throw;
        }
    }

    /// <summary>Shares memory with the other members of this host if all of them can map it.</summary>
    private Doorbell? ShareMemory(IReadOnlyList<Peer> peers)
    {
        List<int> members = [.. Enumerable.Range(0, plan.WorldSize).Where(rank => plan.Members[rank].HostId == plan.Own.HostId)];
        if (plan.Options.ForceTcp || members.Count < 2) return null;
        Peer[] neighbours = [.. peers.Where(peer => members.Contains(peer.Rank))];
        bool isFirst = members[0] == plan.OwnRank;
        string path = Path.Combine(plan.Options.SharedMemoryFolder, SegmentName(members[0]));
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
            // All have mapped it, or none will. If a member dies before this point, the others remove it.
            File.Delete(path);
        }
        int own = members.IndexOf(plan.OwnRank);
        var bell = new Doorbell(_segment!, own);
        foreach (Peer peer in neighbours)
            peer.Link = new SharedMemoryLink(_segment!, bell, own, members.IndexOf(peer.Rank), () => peer.Control.Send(FrameKind.Doorbell));
        return bell;
    }

    private bool OfferSegment(string path, int members, Peer[] neighbours)
    {
        Map(() => SharedMemorySegment.Create(path, members, plan.BlockBytes));
        foreach (Peer peer in neighbours) peer.Control.Send(FrameKind.SegmentMade, value: _segment is null ? 0u : 1);
        if (_segment is null) return false;
        bool all = true;
        foreach (Peer peer in neighbours) all &= Await(peer, FrameKind.SegmentMapped);
        foreach (Peer peer in neighbours) peer.Control.Send(FrameKind.SegmentDecided, value: all ? 1u : 0);
        if (!all) _warnings.Add("The workers of this host use TCP: one of them cannot map the shared memory");
        return all;
    }

    private bool AcceptSegment(string path, int members, Peer first)
    {
        if (!Await(first, FrameKind.SegmentMade)) return false;
        Map(() => SharedMemorySegment.Open(path, members, plan.BlockBytes));
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
            _warnings.Add($"The workers of this host use TCP, because memory cannot be shared: {error.Message.TrimEnd('.')}. Give {plan.Options.SharedMemoryFolder} " +
                $"{SharedMemorySegment.Size(plan.Members.Count(member => member.HostId == plan.Own.HostId), plan.BlockBytes) >> 20} MiB");
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
                        : throw new LinkException(PeerLossReason.WrongFrame, $"sent {frame.Kind} instead of {kind}", RejectionCause.WrongFrame);
                cancellation.ThrowIfCancellationRequested();
                if (rendezvous.TimeLeft == TimeSpan.Zero) throw new LinkException(PeerLossReason.NotConnected, $"did not send {kind} in time");
                ControlChannel.WaitForAny([peer.Control], TimeSpan.FromMilliseconds(20));
            }
        }
        catch (LinkException failure)
        {
            if (failure.Cause is { } cause) rejections.Count(cause);
            throw new PeerLostException(new(failure.Reason, [peer.Rank], $"{plan.Name(peer.Rank)} {failure.Message}"), failure);
        }
    }

    /// <summary>The segment's file name. It depends on the secret, so nobody else can guess it, and members need not send it.</summary>
    private string SegmentName(int first)
    {
        byte[] identity = [.. "segment"u8, .. plan.GenerationNonce.ToByteArray(), (byte)first];
        return $"spikeformer-{Convert.ToHexStringLower(HMACSHA256.HashData(plan.Secret.Span, identity)[..16])}";
    }
}
