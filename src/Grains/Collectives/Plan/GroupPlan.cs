using System.Buffers.Binary;
using System.IO.Hashing;
using Spikeformer.Collectives.Connections;

namespace Spikeformer.Collectives.Plan;

/// <summary>One voter of a generation as the data plane sees it. Its rank is its position in <see cref="GroupPlan.Members"/>.</summary>
/// <param name="Worker">Name of the worker, for messages.</param>
/// <param name="Incarnation">The worker's incarnation, a new number after every restart.</param>
/// <param name="HostId">Equal for members that can share memory; see <see cref="HostIdentity"/>.</param>
/// <param name="Host">Address or name of the worker's <see cref="DataListener"/>.</param>
/// <param name="Port">TCP port of that listener.</param>
/// <param name="FirstShard">First shard that the member owns.</param>
/// <param name="EndShard">One past the last shard that the member owns. A member owns at least one.</param>
internal sealed record GroupMember(string Worker, ulong Incarnation, string HostId, string Host, int Port, int FirstShard, int EndShard);

/// <summary>
/// The data plane's view of one generation: its members and the shards that each of them owns. The plans of all members are equal except for
/// <see cref="OwnRank"/> and the addresses, which may be different routes to the same worker.
/// </summary>
internal sealed record GroupPlan
{
    /// <summary>Most members of a group. The limit exists because the mesh has a connection per pair.</summary>
    public const int MaxMembers = 64;

    /// <summary>Hash that identifies the run.</summary>
    public required ulong RunHash { get; init; }
    /// <summary>Number of the generation.</summary>
    public required long GenerationNumber { get; init; }
    /// <summary>Random value that distinguishes this generation from any other with the same number.</summary>
    public required Guid GenerationNonce { get; init; }
    /// <summary>V, the number of shards.</summary>
    public required int Shards { get; init; }
    /// <summary>The voters in rank order. Their blocks of shards are consecutive and cover [0, V).</summary>
    public required IReadOnlyList<GroupMember> Members { get; init; }
    /// <summary>Rank of this process.</summary>
    public required int OwnRank { get; init; }
    /// <summary>32 bytes that only this generation's members know. Both ends of a connection prove that they know them.</summary>
    public required ReadOnlyMemory<byte> Secret { get; init; }
    /// <summary>How the members communicate; equal on all of them.</summary>
    public GroupOptions Options { get; init; } = new();

    /// <summary>W, the number of members.</summary>
    public int WorldSize => Members.Count;

    /// <summary>This process.</summary>
    public GroupMember Own => Members[OwnRank];

    /// <summary>A member as messages name it, for example "rank 2 (worker-b)".</summary>
    public string Name(int rank) => $"rank {rank} ({Members[rank].Worker})";

    /// <summary>A list of members as messages name them.</summary>
    public string Names(IEnumerable<int> ranks) => string.Join(", ", ranks.Select(Name));

    /// <summary>Bytes of a frame's largest payload. It is large enough to be worth a frame, and small enough that the frames in flight fit into the
    /// cache. More members have more frames in flight.</summary>
    public int BlockBytes => WorldSize <= 4 ? 256 << 10 : 128 << 10;

    /// <summary>Hash of number and nonce: a frame has room for 64 bits.</summary>
    public ulong GenerationTag
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
    public void Validate()
    {
        if (Members.Count is 0 or > MaxMembers) throw new ArgumentException($"A group has 1 to {MaxMembers} members, not {Members.Count}.");
        if ((uint)OwnRank >= Members.Count) throw new ArgumentException($"Rank {OwnRank} is not one of {Members.Count} members.");
        if (Secret.Length != 32) throw new ArgumentException($"The secret has 32 bytes, not {Secret.Length}.");
        int next = 0;
        foreach (GroupMember member in Members)
        {
            if (member.FirstShard != next || member.EndShard <= next)
                throw new ArgumentException($"{member.Worker} owns shards [{member.FirstShard}, {member.EndShard}) instead of a block that starts at {next}.");
            next = member.EndShard;
        }
        if (next != Shards) throw new ArgumentException($"The members own {next} of {Shards} shards.");
    }
}

/// <summary>How the members of a group communicate. The defaults suit a cluster in one building.</summary>
internal sealed record GroupOptions
{
    /// <summary>Whether members of one host use TCP too; default false, because shared memory is faster.</summary>
    public bool ForceTcp { get; init; }
    /// <summary>TCP congestion control of the data sockets; default cubic, because BBR, a common system default, halves the rate on one host and
    /// in a rack. Null keeps the system's setting.</summary>
    public string? CongestionControl { get; init; } = "cubic";
    /// <summary>How long a peer may send nothing of what it owes to a reduction that all members have begun, before it is suspected; default 2
    /// seconds. Ten times the median duration of a reduction is used instead where that is longer.</summary>
    public TimeSpan ProgressDeadline { get; init; } = TimeSpan.FromSeconds(2);
    /// <summary>How long sent bytes may stay unacknowledged before the connection is considered broken; default 4 seconds.</summary>
    public TimeSpan NetworkTimeout { get; init; } = TimeSpan.FromSeconds(4);
    /// <summary>Whether payloads between hosts carry a hash; default true, because TCP's own checksum has only 16 bits.</summary>
    public bool Checksum { get; init; } = true;
    /// <summary>Folder for the shared segment, in a memory file system; default <c>/dev/shm</c>.</summary>
    public string SharedMemoryFolder { get; init; } = "/dev/shm";
    /// <summary>The clock of all deadlines. Each process has its own; the members do not agree on it.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;
}
