using System.Collections.Concurrent;
using System.Net.Sockets;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Heartbeats;
using Spikeformer.Collectives.Plan;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives;

public sealed class HeartbeatTests
{
    [Fact]
    public void Heartbeats_carry_step_progress_and_applied_step_to_all_members()
    {
        using var ranks = new Ranks(3, [1, 2, 3]);
        using var done = new Barrier(3);
        ranks.Start(rank =>
        {
            using HeartbeatLoop loop = Connect(ranks, rank);
            loop.Report(40 + rank, rank);
            loop.Applied(39, 0xABC);
            for (int other = 0; other < 3; other++)
                if (other != rank) Eventually(() => loop.Of(other) is { } pulse && pulse.Step == 40 + other && pulse.Progress == other && pulse.LastApplied == 39);
            loop.WaitAllApplied(39, Ranks.Deadline);
            Assert.Equal(39, loop.LastApplied(rank));
            done.SignalAndWait(Ranks.Deadline);
            return 0;
        });
    }

    [Fact]
    public void Waiting_for_a_boundary_ends_when_the_last_member_has_applied_the_step()
    {
        using var ranks = new Ranks(2, [1, 2]);
        using var done = new Barrier(2);
        ranks.Start(rank =>
        {
            using HeartbeatLoop loop = Connect(ranks, rank);
            loop.Applied(5, 1);
            if (rank == 0)
            {
                loop.Applied(6, 1);
                PeerLostException lost = Assert.Throws<PeerLostException>(() => loop.WaitAllApplied(6, TimeSpan.FromMilliseconds(100)));
                Ranks.AssertLost(lost, PeerLossReason.NoProgress, 1);
                done.SignalAndWait(Ranks.Deadline);
                loop.WaitAllApplied(6, Ranks.Deadline);
            }
            else
            {
                done.SignalAndWait(Ranks.Deadline);
                loop.Applied(6, 1);
            }
            done.SignalAndWait(Ranks.Deadline);
            return 0;
        });
    }

    [Fact]
    public void Bytes_that_are_not_a_heartbeat_are_refused_and_counted_and_make_the_peer_a_suspect()
    {
        using var ranks = new Ranks(2, [1, 2]);
        var suspected = new BlockingCollection<(int Rank, PeerLossReason Reason)>();
        HeartbeatLoop? loop = null;
        var connecting = new Thread(() => loop = HeartbeatLoop.Connect(
            ranks.PlanOf(0), ranks.Listener(0), new() { Suspected = (rank, reason) => suspected.Add((rank, reason)) }, Ranks.Deadline));
        connecting.Start();
        using Socket peer = GroupDialer.Connect(ranks.PlanOf(1), 0, ConnectionPurpose.Heartbeat, Ranks.Deadline, default);
        connecting.Join();
        using (loop)
        {
            peer.Send(new byte[FrameHeader.Bytes]);
            Assert.Equal((1, PeerLossReason.WrongFrame), suspected.Take());
            Assert.Equal((1, 1), (loop!.Rejections[RejectionCause.Malformed], loop.Rejections.Total));
        }
    }

    [Fact]
    public void A_member_that_applied_other_bits_is_named_on_all_members()
    {
        using var ranks = new Ranks(3, [1, 2, 3]);
        using var done = new Barrier(3);
        ranks.Start(rank =>
        {
            var differed = new ConcurrentQueue<DigestMismatchException>();
            using HeartbeatLoop loop = Connect(ranks, rank, new() { Differed = differed.Enqueue });
            loop.Applied(8, 77);
            loop.WaitAllApplied(8, Ranks.Deadline);
            loop.Applied(9, rank == 1 ? 5u : 6u);
            DigestMismatchException mismatch = Assert.Throws<DigestMismatchException>(() => loop.WaitAllApplied(9, Ranks.Deadline));
            Assert.Equal([1], mismatch.Suspects);
            Assert.Equal([6, 5, 6], mismatch.Digests.Select(digest => (int)digest!.Value));
            Eventually(() => differed.Any(seen => seen.Step == 9));
            Assert.DoesNotContain(differed, seen => seen.Step == 8);
            done.SignalAndWait(Ranks.Deadline);
            return 0;
        });
    }

    [Fact]
    public void Members_outside_the_majority_are_suspects_and_of_two_that_differ_both()
    {
        Assert.Equal([0, 1], new DigestMismatchException(1, [1, 2]).Suspects);
        Assert.Equal([2, 3], new DigestMismatchException(1, [1, 1, 2, null, 1]).Suspects);
    }

    [Fact]
    public void A_member_whose_connection_ends_is_suspected_at_once_unless_it_said_goodbye()
    {
        using var ranks = new Ranks(2, [1, 2]);
        foreach (bool saysGoodbye in (bool[])[true, false])
        {
            ranks.Plan = ranks.Plan with { GenerationNonce = Guid.NewGuid() };
            var suspected = new BlockingCollection<(int, PeerLossReason)>();
            HeartbeatLoop? loop = null;
            var connecting = new Thread(() => loop = Connect(ranks, 0, new() { Suspected = (rank, reason) => suspected.Add((rank, reason)) }));
            connecting.Start();
            if (saysGoodbye) Connect(ranks, 1).Dispose();
            else GroupDialer.Connect(ranks.PlanOf(1), 0, ConnectionPurpose.Heartbeat, Ranks.Deadline, default).Dispose();
            connecting.Join();
            if (saysGoodbye) Assert.Equal(PeerLossReason.Closed, Assert.Throws<PeerLostException>(() => loop!.WaitAllApplied(0, Ranks.Deadline)).PeerLoss.Reason);
            else Assert.Equal((1, PeerLossReason.Closed), suspected.Take());
            Assert.Empty(suspected);
            loop!.Dispose();
        }
    }

    [Fact]
    public void A_member_that_falls_silent_is_suspected_after_the_limit()
    {
        using var ranks = new Ranks(2, [1, 2]);
        var suspected = new BlockingCollection<(int, PeerLossReason)>();
        HeartbeatLoop? loop = null;
        var connecting = new Thread(() => loop = Connect(ranks, 0, new() { SilenceLimit = TimeSpan.FromSeconds(2), Suspected = (rank, reason) => suspected.Add((rank, reason)) }));
        connecting.Start();
        using Socket silent = GroupDialer.Connect(ranks.PlanOf(1), 0, ConnectionPurpose.Heartbeat, Ranks.Deadline, default);
        connecting.Join();
        Eventually(() => loop!.Silent.SequenceEqual([1]));
        Assert.Empty(suspected); // only half of the limit has passed
        Assert.Equal((1, PeerLossReason.NoProgress), suspected.Take());
        Assert.Equal([1], loop!.Silent);
        silent.Dispose();
        Eventually(() => loop.Silent.Count == 0); // a closed connection is not silent
        Assert.InRange(loop.Of(1).SinceHeard.TotalMilliseconds, 2000, 10_000);
        loop.Dispose();
    }

    /// <summary>All three are alive. Rank 0 is furthest and waits, rank 1 is one stage behind it, and rank 2 makes progress.</summary>
    [Fact]
    public void A_member_that_is_behind_without_progress_is_suspected_and_one_with_progress_is_not()
    {
        using var ranks = new Ranks(3, [1, 2, 3]);
        using var done = new Barrier(3);
        ranks.Start(rank =>
        {
            var suspected = new BlockingCollection<(int, PeerLossReason)>();
            using HeartbeatLoop loop = Connect(ranks, rank, new()
            {
                Period = TimeSpan.FromMilliseconds(10), ProgressLimit = TimeSpan.FromMilliseconds(400), Suspected = (other, reason) => suspected.Add((other, reason)),
            });
            loop.Report(7, rank == 0 ? 4 : 3);
            if (rank == 2)
                for (int progress = 4; !done.SignalAndWait(20); progress++) loop.Report(8, progress);
            else
            {
                if (rank == 0) Assert.Equal((1, PeerLossReason.Stuck), suspected.Take());
                done.SignalAndWait(Ranks.Deadline);
            }
            Assert.Empty(suspected);
            return 0;
        });
    }

    private static HeartbeatLoop Connect(Ranks ranks, int rank, HeartbeatOptions? options = null) =>
        HeartbeatLoop.Connect(ranks.PlanOf(rank), ranks.Listener(rank), options ?? new(), Ranks.Deadline);

    /// <summary>For a condition that another thread reaches without any signal to wait for.</summary>
    private static void Eventually(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, Ranks.Deadline));
}
