using System.Net;
using System.Security.Cryptography;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.Silo.Worker.Transfer;

namespace Spikeformer.Cluster.Worker.Transfer;

/// <summary>The lending sides of a run's members in this process, through generations: real stores, servers and handshakes without training.</summary>
internal sealed class LendingMembers : IDisposable
{
    public const int Tensors = 24;
    private const ulong Learner = 99;

    private readonly DataListener[] _listeners;
    private readonly TransferServer?[] _servers;
    private readonly int[] _copies;
    private GroupPlan _plan;

    public LendingMembers(int count)
    {
        _listeners = [.. Enumerable.Range(0, count).Select(_ => new DataListener(IPAddress.Loopback))];
        Stores = [.. Enumerable.Range(0, count).Select(_ => new TransferStore(TimeProvider.System, States.SliceBytes))];
        _servers = new TransferServer?[count];
        _copies = new int[count];
        _plan = new()
        {
            RunHash = 5, GenerationNumber = 0, GenerationNonce = default, Shards = count, OwnRank = 0, Secret = RandomNumberGenerator.GetBytes(32),
            Members = [.. _listeners.Select((listener, rank) => new GroupMember($"m{rank}", (ulong)rank, "here", "127.0.0.1", listener.Port, rank, rank + 1))],
        };
    }

    public IReadOnlyList<TransferStore> Stores { get; }

    /// <summary>Count of copies that each member has made.</summary>
    public IReadOnlyList<int> Copies => _copies;

    /// <summary>The state of all members after a step.</summary>
    public static StateCopy State(long step) => States.Of(step, Tensors, seed: (int)step);

    /// <summary>Begins the next generation, and closes the connections of the former one.</summary>
    public void Begin()
    {
        _plan = _plan with { GenerationNumber = _plan.GenerationNumber + 1, GenerationNonce = Guid.NewGuid() };
        for (int rank = 0; rank < _servers.Length; rank++)
        {
            _servers[rank]?.Dispose();
            _servers[rank] = new(_plan with { OwnRank = rank }, _listeners[rank], Stores[rank]);
        }
    }

    public void Align(int rank, long step) => Stores[rank].Aligned(step, Digest(step), () => Copy(rank, step));

    /// <summary>Lets a member commit a step.</summary>
    /// <param name="rank">The member.</param>
    /// <param name="step">Committed steps after it.</param>
    public void Commit(int rank, long step) => Stores[rank].Commit(step - 1, Digest(step), [(byte)step], () => Copy(rank, step));

    /// <summary>All members as a learner's donors in this generation.</summary>
    public Donor[] Donors()
    {
        GroupPlan plan = _plan;
        return [.. Enumerable.Range(0, _servers.Length).Select(rank =>
            new Donor($"m{rank}", () => GroupDialer.ConnectLearner(plan, Learner, rank, TimeSpan.FromSeconds(20), CancellationToken.None)))];
    }

    public void Kill(int rank)
    {
        _servers[rank]?.Dispose();
        _servers[rank] = null;
        _listeners[rank].Dispose();
    }

    public void Dispose()
    {
        for (int rank = 0; rank < _servers.Length; rank++) Kill(rank);
    }

    private static UInt128 Digest(long step) => StateWire.Digest(States.Digest(step));

    private StateCopy Copy(int rank, long step)
    {
        _copies[rank]++;
        return State(step);
    }
}
