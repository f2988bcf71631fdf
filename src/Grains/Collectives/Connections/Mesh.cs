using Spikeformer.Collectives.Links;

namespace Spikeformer.Collectives.Connections;

/// <summary>All connections of a group.</summary>
/// <param name="Peers">The other members in the order rank+1, rank+2, ..., so that not everyone sends to the same one first.</param>
/// <param name="Segment">The memory shared with the members of this host, if any.</param>
/// <param name="Bell">Its doorbells.</param>
/// <param name="Rendezvous">Keeps the listener's doors of this generation open, so that second connections are known as such.</param>
/// <param name="Warnings">What did not work as planned and was done another way.</param>
internal sealed record Mesh(
    IReadOnlyList<Peer> Peers, SharedMemorySegment? Segment, Doorbell? Bell, Rendezvous Rendezvous, IReadOnlyList<string> Warnings) : IDisposable
{
    /// <summary>Whether every peer is reached through shared memory.</summary>
    public bool IsAllShared { get; } = Segment is not null && Peers.All(peer => peer.Link is SharedMemoryLink);

    public void Dispose()
    {
        Rendezvous.Dispose();
        foreach (Peer peer in Peers) peer.Dispose();
        Segment?.Dispose();
    }
}
