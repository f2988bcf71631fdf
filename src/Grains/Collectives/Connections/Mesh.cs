using Spikeformer.Collectives.Links;

namespace Spikeformer.Collectives.Connections;

/// <summary>All connections of a group.</summary>
/// <param name="Peers">The other members in the order rank+1, rank+2, ..., so that the members do not all send to the same one first.</param>
/// <param name="Segment">The memory shared with the members of this host, if any.</param>
/// <param name="Bell">The doorbells in the segment.</param>
/// <param name="Rendezvous">Keeps the generation open in the listener, so that duplicate connections are recognized.</param>
/// <param name="Warnings">Deviations from the plan's options, for the log.</param>
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
