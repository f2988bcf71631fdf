using System.Net;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>The members of a generation as threads of this process, each with its own listener.</summary>
internal sealed class Ranks : IDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly DataListener[] _listeners;

    /// <param name="shards">V.</param>
    /// <param name="ends">End of each rank's block of shards.</param>
    /// <param name="options">Options of the group.</param>
    /// <param name="host">Host of each rank; the same for all by default.</param>
    public Ranks(int shards, int[] ends, GroupOptions? options = null, Func<int, string>? host = null)
    {
        _listeners = [.. ends.Select(_ => new DataListener(IPAddress.Loopback))];
        Plan = new GroupPlan
        {
            RunHash = 0x1234, GenerationNumber = 3, GenerationNonce = Guid.NewGuid(), Shards = shards, OwnRank = 0,
            Secret = RandomNumberGenerator.GetBytes(32), Options = options ?? new(),
            Members = [.. ends.Select((end, rank) => new GroupMember(
                $"w{rank}", (ulong)(100 + rank), host?.Invoke(rank) ?? "here", "127.0.0.1", _listeners[rank].Port, rank == 0 ? 0 : ends[rank - 1], end))],
        };
    }

    /// <summary>The plan of rank 0. The plans of the other ranks differ only in <see cref="GroupPlan.OwnRank"/>.</summary>
    public GroupPlan Plan { get; set; }

    public DataListener Listener(int rank) => _listeners[rank];

    public GroupPlan PlanOf(int rank) => Plan with { OwnRank = rank };

    /// <summary>Returns the ends of blocks that are as even as possible.</summary>
    public static int[] Even(int shards, int ranks) => [.. Enumerable.Range(1, ranks).Select(r => shards * r / ranks)];

    /// <summary>Connects all ranks and runs an action on each.</summary>
    public T[] Run<T>(Func<Group, T> action) => Start(rank =>
    {
        using Group group = Group.Connect(PlanOf(rank), _listeners[rank], Deadline);
        return action(group);
    });

    /// <summary>Runs an action for each rank on its own thread and waits for all. Throws the first failure.</summary>
    public T[] Start<T>(Func<int, T> action)
    {
        var results = new T[_listeners.Length];
        ExceptionDispatchInfo? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, _listeners.Length).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = action(rank);
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(error), null);
            }
        }) { Name = $"rank {rank}", IsBackground = true })];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads)
            if (!thread.Join(TimeSpan.FromMinutes(3))) throw new TimeoutException($"{thread.Name} did not end within three minutes", failure?.SourceException);
        failure?.Throw();
        return results;
    }

    public static void AssertLost(PeerLostException lost, PeerLossReason reason, params int[] suspects)
    {
        Assert.Equal(reason, lost.PeerLoss.Reason);
        Assert.Equal(suspects, lost.PeerLoss.Suspects);
    }

    public void Dispose()
    {
        foreach (DataListener listener in _listeners) listener.Dispose();
    }
}
