using System.Net.Sockets;

namespace Spikeformer.Collectives.Connections;

/// <summary>What a connection between two workers is for. A pair of members has one of each; only transfers may be several.</summary>
public enum ConnectionPurpose : byte
{
    /// <summary>A group's doorbells and death notices.</summary>
    Control = 1,
    /// <summary>A group's data.</summary>
    Data,
    /// <summary>Signs of life.</summary>
    Heartbeat,
    /// <summary>State for a learner, or anything else beside a group.</summary>
    Transfer,
}

/// <summary>A connection whose other end has proved that it knows the generation's secret.</summary>
/// <param name="Rank">The peer's rank, or <see cref="GroupDialer.Learner"/> for one that is not a member (transfers only).</param>
/// <param name="Incarnation">The peer's incarnation.</param>
/// <param name="Socket">The connection, blocking; owned by whoever gets this record.</param>
public sealed record PeerConnection(int Rank, ulong Incarnation, Socket Socket);
