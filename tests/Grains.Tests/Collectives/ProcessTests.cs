using System.Diagnostics;
using System.Text.Json;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives;

/// <summary>Members in separate processes, for behaviour that threads cannot show.</summary>
public sealed class ProcessTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_number_of_processes_gives_the_same_bits(bool forceTcp)
    {
        if (forceTcp) TestData.RequireLong();
        int[] lengths = [1, 1000, 1_000_003];
        string[] expected = [.. lengths.Select(length => Leaves.Hash(Leaves.Sum(8, length)))];
        for (int count = 1; count <= 8; count++)
            Using(count, peers =>
            {
                PeerProcess.Run(peers, Plan(8, Ranks.Even(8, count), forceTcp), lengths, lengths.Length);
                Assert.All(peers, peer => Assert.Equal(expected, lengths.Select(_ => peer.Read())));
            });
    }

    [Theory]
    [InlineData(false, 1_000_003)]
    [InlineData(true, 1_000_003)]
    [InlineData(false, 1000)]
    [InlineData(true, 1000)]
    public void When_a_process_is_killed_all_survivors_name_it_within_a_second(bool forceTcp, int length) => Using(4, peers =>
    {
        PeerProcess.Run(peers, Plan(8, Ranks.Even(8, 4), forceTcp), [length], steps: 0);
        foreach (PeerProcess peer in peers) Assert.Equal("running", peer.Read());
        long killed = Stopwatch.GetTimestamp();
        peers[2].Kill();

        foreach (int survivor in (int[])[0, 1, 3])
        {
            PeerLoss loss = peers[survivor].ReadLoss();
            Assert.Equal(PeerLossReason.Closed, loss.Reason);
            Assert.Equal([2], loss.Suspects);
        }
        Assert.InRange(Stopwatch.GetElapsedTime(killed).TotalMilliseconds, 0, 900);
    });

    [Fact]
    public void A_process_that_freezes_during_a_reduction_is_named_after_the_progress_deadline() => Using(3, peers =>
    {
        var options = new GroupOptions { ForceTcp = true, ProgressDeadline = TimeSpan.FromSeconds(1) };
        int frozen = 0;
        // Rank 2 reaches rank 0 through the relay, and freezes when a megabyte of its data has passed.
        using var relay = new Relay(peers[0].Port, (purpose, fromConnector, offset, bytes) =>
        {
            if (purpose == ConnectionPurpose.Data && fromConnector && offset > 1 << 20 && Interlocked.Exchange(ref frozen, 1) == 0) peers[2].Freeze();
        });
        long start = Stopwatch.GetTimestamp();
        PeerProcess.Run(peers, Plan(8, Ranks.Even(8, 3), options), [4_000_000], steps: 0, (port, from, to) => (from, to) == (2, 0) ? relay.Port : port);

        foreach (int survivor in (int[])[0, 1])
        {
            PeerLoss loss = peers[survivor].ReadLoss();
            Assert.Equal(PeerLossReason.NoProgress, loss.Reason);
            Assert.Equal([2], loss.Suspects);
        }
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 1, 10);

        peers[2].Continue();
        Assert.NotEqual(0, (int)peers[2].ReadLoss().Reason); // the zombie learns that its generation is sealed
    });

    [Fact]
    public void With_a_full_memory_file_system_members_use_TCP_and_warn()
    {
        using var folder = new TemporaryFolder();
        // A memory file system of one megabyte, in a mount namespace of its own.
        string own = Path.Combine(AppContext.BaseDirectory, "Spikeformer.Grains.Tests");
        PeerProcess first = PeerProcess.Start("unshare", "-rm", "sh", "-c", $"mount -t tmpfs -o size=1m none '{folder.Path}' && exec '{own}' {PeerProcess.Role}");
        PeerProcess second = PeerProcess.Start();
        using (first)
        using (second)
        {
            GroupPlan plan = Plan(2, [1, 2], new GroupOptions { SharedMemoryFolder = folder.Path });
            PeerProcess.Run([first, second], plan, [100_000], 1);
            Assert.Equal(Leaves.Hash(Leaves.Sum(2, 100_000)), first.Read());
            string warning = Assert.Single(JsonSerializer.Deserialize<string[]>(first.Read())!, warning => warning.Contains("use TCP"));
            Assert.Contains(folder.Path, warning);
            Assert.Contains("MiB", warning);
        }
    }

    [Fact]
    public void Nothing_is_left_in_the_memory_file_system() => Using(2, peers =>
    {
        using var folder = new TemporaryFolder();
        PeerProcess.Run(peers, Plan(2, [1, 2], new GroupOptions { SharedMemoryFolder = folder.Path }), [100_000], 0);
        foreach (PeerProcess peer in peers) Assert.Equal("running", peer.Read());
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    });

    private static GroupPlan Plan(int shards, int[] ends, bool forceTcp) => Plan(shards, ends, new GroupOptions { ForceTcp = forceTcp });

    private static GroupPlan Plan(int shards, int[] ends, GroupOptions options)
    {
        using var ranks = new Ranks(shards, ends, options);
        return ranks.Plan;
    }

    private static void Using(int count, Action<PeerProcess[]> test)
    {
        var peers = new List<PeerProcess>();
        try
        {
            for (int i = 0; i < count; i++) peers.Add(PeerProcess.Start());
            test([.. peers]);
        }
        finally
        {
            foreach (PeerProcess peer in peers) peer.Dispose();
        }
    }
}
