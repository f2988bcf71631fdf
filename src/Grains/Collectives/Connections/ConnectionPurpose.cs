using System.Net.Sockets;

namespace Spikeformer.Collectives.Connections;

/// <summary>Purpose of a connection between two workers. A pair of members has one connection for each purpose, and any number of transfers.</summary>
internal enum ConnectionPurpose : byte
{
    /// <summary>Control frames of a group.</summary>
    Control = 1,
    /// <summary>Data frames of a group.</summary>
    Data,
    /// <summary>Heartbeats.</summary>
    Heartbeat,
    /// <summary>State for a learner or a member that lacks it, outside of a group.</summary>
    Transfer,
}

/// <summary>A connection whose other end has proved that it knows the generation's secret.</summary>
/// <param name="Rank">The peer's rank, or <see cref="GroupDialer.Learner"/> for a process that is not a member (transfers only).</param>
/// <param name="Incarnation">The peer's incarnation.</param>
/// <param name="Socket">The blocking socket. The receiver of this record owns it.</param>
internal sealed record PeerConnection(int Rank, ulong Incarnation, Socket Socket);
