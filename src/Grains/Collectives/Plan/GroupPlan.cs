using System.Buffers.Binary;
using System.IO.Hashing;
using Spikeformer.Collectives.Connections;

namespace Spikeformer.Collectives.Plan;

/// <summary>One voter of a generation as the data plane sees it; its rank is its position in <see cref="GroupPlan.Members"/>.</summary>
/// <param name="Worker">Name of the worker, for messages.</param>
/// <param name="Incarnation">Which life of that worker: another number after every restart.</param>
/// <param name="HostId">Equal for members that can share memory; see <see cref="HostIdentity"/>.</param>
/// <param name="Host">Address or name at which the worker's <see cref="DataListener"/> is reached.</param>
/// <param name="Port">TCP port of that listener.</param>
/// <param name="FirstShard">First shard that the member owns.</param>
/// <param name="EndShard">One past the last shard that the member owns; at least one shard.</param>
public sealed record GroupMember(string Worker, ulong Incarnation, string HostId, string Host, int Port, int FirstShard, int EndShard);

/// <summary>
/// The data plane's view of one generation: who takes part and who owns which shards. Every member holds an equal plan but for
/// <see cref="OwnRank"/> and the addresses, which are only ways to get there.
/// </summary>
public sealed record GroupPlan
{
    /// <summary>Most members that a group can have: the mesh has a connection per pair.</summary>
    public const int MaxMembers = 64;

    /// <summary>Which run.</summary>
    public required ulong RunHash { get; init; }
    /// <summary>Number of the generation.</summary>
    public required long GenerationNumber { get; init; }
    /// <summary>What tells this generation from any other of the same number.</summary>
    public required Guid GenerationNonce { get; init; }
    /// <summary>V.</summary>
    public required int Shards { get; init; }
    /// <summary>The voters in rank order; their blocks follow each other and cover [0, V).</summary>
    public required IReadOnlyList<GroupMember> Members { get; init; }
    /// <summary>Which member this process is.</summary>
    public required int OwnRank { get; init; }
    /// <summary>32 bytes known to the members of this generation alone; connections prove that they know it.</summary>
    public required ReadOnlyMemory<byte> Secret { get; init; }
    /// <summary>How the members talk; equal on all of them.</summary>
    public GroupOptions Options { get; init; } = new();

    /// <summary>W.</summary>
    public int WorldSize => Members.Count;

    /// <summary>This process.</summary>
    public GroupMember Own => Members[OwnRank];

    /// <summary>"rank 2 (worker-b)".</summary>
    public string Name(int rank) => $"rank {rank} ({Members[rank].Worker})";

    /// <summary>Bytes of the largest payload that a frame may have: large enough to pay for a frame, small enough that the frames under way stay in
    /// the cache. More members have more frames under way.</summary>
    internal int BlockBytes => WorldSize <= 4 ? 256 << 10 : 128 << 10;

    /// <summary>Number and nonce in the 64 bits that a frame has room for.</summary>
    internal ulong GenerationTag
    {
        get
        {
            Span<byte> identity = stackalloc byte[24];
            BinaryPrimitives.WriteInt64LittleEndian(identity, GenerationNumber);
            GenerationNonce.TryWriteBytes(identity[8..]);
            return XxHash3.HashToUInt64(identity);
        }
    }

    /// <exception cref="ArgumentException">The plan contradicts itself.</exception>
    internal void Validate()
    {
        if (Members.Count is 0 or > MaxMembers) throw new ArgumentException($"A group has 1 to {MaxMembers} members, not {Members.Count}.");
        if ((uint)OwnRank >= Members.Count) throw new ArgumentException($"Rank {OwnRank} is not one of {Members.Count} members.");
        if (Secret.Length != 32) throw new ArgumentException($"The secret has 32 bytes, not {Secret.Length}.");
        int next = 0;
        foreach (GroupMember member in Members)
        {
            if (member.FirstShard != next || member.EndShard <= next)
                throw new ArgumentException($"{member.Worker} owns shards [{member.FirstShard}, {member.EndShard}) where a block from {next} on is due.");
            next = member.EndShard;
        }
        if (next != Shards) throw new ArgumentException($"The members own {next} shards of {Shards}.");
    }
}

/// <summary>Which way the bytes go between members.</summary>
public enum TransportChoice
{
    /// <summary>Shared memory between members of one host, TCP otherwise.</summary>
    Auto,
    /// <summary>TCP between all members.</summary>
    ForceTcp,
}

/// <summary>How the members of a group talk. The defaults suit a cluster in one building.</summary>
public sealed record GroupOptions
{
    /// <summary>Which way the bytes go; default <see cref="TransportChoice.Auto"/>.</summary>
    public TransportChoice Transport { get; init; } = TransportChoice.Auto;
    /// <summary>TCP congestion control of the data sockets, default cubic: BBR, a common system default, halves the rate on one host and in a
    /// rack. Null leaves the system's.</summary>
    public string? CongestionControl { get; init; } = "cubic";
    /// <summary>How long a peer that owes bytes of a reduction that everyone has begun may send none before it is suspected; default 2 seconds.
    /// Grows to ten times the median reduction where that is longer.</summary>
    public TimeSpan ProgressDeadline { get; init; } = TimeSpan.FromSeconds(2);
    /// <summary>How long sent bytes may stay unacknowledged before a connection counts as cut; default 4 seconds.</summary>
    public TimeSpan NetworkTimeout { get; init; } = TimeSpan.FromSeconds(4);
    /// <summary>Whether payloads between hosts carry a hash, default true: TCP's own sum has 16 bits.</summary>
    public bool Checksum { get; init; } = true;
    /// <summary>Folder of a memory file system for the shared segment; default <c>/dev/shm</c>.</summary>
    public string SharedMemoryFolder { get; init; } = "/dev/shm";
    /// <summary>The clock of all deadlines; this process's own, and no part of what members agree on.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;
}
