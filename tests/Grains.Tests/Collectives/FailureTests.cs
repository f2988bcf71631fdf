using System.Net.Sockets;
using System.Runtime.InteropServices;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Plan;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives;

public sealed class FailureTests
{
    private const int Small = 1000, Large = 300_000;

    private static readonly GroupOptions s_tcp = new() { ForceTcp = true };

    [Theory]
    [InlineData(false, Small)]
    [InlineData(false, Large)]
    [InlineData(true, Large)]
    public void After_an_abort_during_a_reduction_the_partial_sums_are_intact_and_the_next_group_gets_the_same_bits(bool forceTcp, int length)
    {
        var options = new GroupOptions { ForceTcp = forceTcp };
        using (var ranks = new Ranks(8, Ranks.Even(8, 3), options))
        {
            // Ranks 0 and 1 wait in the reduction for rank 2, which aborts. Leaves.Reduce checks the partial sums.
            PeerLostException?[] losses = ranks.Start(rank =>
            {
                using Group group = Group.Connect(ranks.PlanOf(rank), ranks.Listener(rank), Ranks.Deadline);
                if (rank < 2) return Assert.Throws<PeerLostException>(() => Leaves.Reduce(group, length));
                group.Abort("the disk is on fire");
                return Assert.Throws<PeerLostException>(() => Leaves.Reduce(group, length));
            });
            Assert.Equal([PeerLossReason.AbortedByPeer, PeerLossReason.AbortedByPeer, PeerLossReason.AbortedHere], losses.Select(lost => lost!.PeerLoss.Reason));
            Assert.All(losses, lost => Assert.Empty(lost!.PeerLoss.Suspects));
            Assert.Contains("the disk is on fire", losses[2]!.Message);
        }
        using var survivors = new Ranks(8, [5, 8], options);
        Assert.All(survivors.Run(group => Leaves.Reduce(group, length)), hash => Assert.Equal(Leaves.Hash(Leaves.Sum(8, length)), hash));
    }

    [Fact]
    public void An_abort_names_its_suspects_to_everyone()
    {
        using var ranks = new Ranks(4, [1, 2, 3, 4]);
        PeerLostException[] losses = ranks.Start(rank =>
        {
            using Group group = Group.Connect(ranks.PlanOf(rank), ranks.Listener(rank), Ranks.Deadline);
            if (rank == 0) group.Abort("no heartbeat", 2, 3);
            return Assert.Throws<PeerLostException>(() => Leaves.Reduce(group, Small));
        });
        Assert.All(losses, lost => Assert.Equal([2, 3], lost.PeerLoss.Suspects));
        Assert.Contains("rank 2 (w2), rank 3 (w3)", losses[1].Message);
    }

    [Fact]
    public void A_sealed_group_refuses_every_further_call()
    {
        using var ranks = new Ranks(2, [1, 2]);
        ranks.Run(group =>
        {
            group.Abort("enough");
            Assert.Equal(PeerLossReason.AbortedHere, group.PeerLoss!.Reason);
            Assert.Throws<PeerLostException>(() => Leaves.Reduce(group, Small));
            Assert.Throws<PeerLostException>(() => Leaves.Reduce(group, Large));
            Assert.Throws<PeerLostException>(() => group.ExchangeNodes(1, 1, 1, [0]));
            return 0;
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_abort_from_another_thread_and_a_cancellation_end_a_call_that_waits(bool forceTcp)
    {
        foreach (bool isCancelled in (bool[])[false, true])
        {
            using var ranks = new Ranks(2, [1, 2], new GroupOptions { ForceTcp = forceTcp });
            using var cancellation = new CancellationTokenSource();
            using var reduced = new ManualResetEventSlim();
            using var ended = new ManualResetEventSlim();
            ranks.Run(group =>
            {
                if (group.Plan.OwnRank == 1)
                {
                    Leaves.Reduce(group, Small);
                    reduced.Set();
                    ended.Wait(Ranks.Deadline);
                    return Assert.Throws<PeerLostException>(() => Leaves.Reduce(group, Small, 2)).PeerLoss.Reason;
                }
                Leaves.Reduce(group, Small);
                // Otherwise the other rank may learn of the abort during the step that succeeds.
                reduced.Wait(Ranks.Deadline);
                var other = new Thread(() =>
                {
                    if (isCancelled) cancellation.Cancel();
                    else group.Abort("from elsewhere");
                });
                other.Start();
                float[] values = GC.AllocateArray<float>(2 * Large, pinned: true);
                PeerLossReason reason = Assert.Throws<PeerLostException>(() => Reduce(group, values, cancellation.Token)).PeerLoss.Reason;
                other.Join();
                ended.Set();
                Assert.Equal(PeerLossReason.AbortedHere, reason);
                return reason;
            });
        }

        static unsafe void Reduce(Group group, float[] values, CancellationToken cancellation) =>
            group.AllReduce(2, 0, [new(group.OwnNodes[0].Node, Leaves.Address(values))], (float*)Leaves.Address(values) + Large, Large, cancellation: cancellation);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_member_that_leaves_after_its_last_step_does_not_disturb_the_others(bool forceTcp)
    {
        using var ranks = new Ranks(8, Ranks.Even(8, 4), new GroupOptions { ForceTcp = forceTcp });
        string expected = Leaves.Hash(Leaves.Sum(8, Large));
        // Each member disposes its group as soon as its own call has returned.
        for (int round = 0; round < 5; round++)
        {
            ranks.Plan = ranks.Plan with { GenerationNonce = Guid.NewGuid() };
            Assert.All(ranks.Run(group => Leaves.Reduce(group, Large)), hash => Assert.Equal(expected, hash));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_member_that_waits_for_one_that_has_left_is_told(bool forceTcp)
    {
        using var ranks = new Ranks(2, [1, 2], new GroupOptions { ForceTcp = forceTcp });
        ranks.Run(group =>
        {
            Leaves.Reduce(group, Small);
            if (group.Plan.OwnRank == 0)
            {
                PeerLostException lost = Assert.Throws<PeerLostException>(() => Leaves.Reduce(group, Small, 2));
                Assert.Contains("left", lost.Message);
                Assert.Empty(lost.PeerLoss.Suspects);
            }
            return 0;
        });
    }

    [Theory]
    [InlineData(64 + 100, nameof(RejectionCause.DamagedPayload))]
    [InlineData(40, nameof(RejectionCause.Malformed))]
    [InlineData(8, nameof(RejectionCause.Malformed))]
    public void A_bit_that_flips_in_transit_is_detected_and_counted(int at, string causeName)
    {
        RejectionCause cause = Enum.Parse<RejectionCause>(causeName);
        using var ranks = new Ranks(2, [1, 2], host: rank => $"host {rank}");
        using var relay = new Relay(ranks.Plan.Members[0].Port, (purpose, fromConnector, offset, bytes) =>
        {
            long place = Handshake.HelloBytes + Handshake.ProofBytes + at - offset;
            if (purpose == ConnectionPurpose.Data && fromConnector && place >= 0 && place < bytes.Length) bytes[(int)place] ^= 4;
        });
        var found = ranks.Start(rank =>
        {
            GroupPlan plan = ranks.PlanOf(rank);
            if (rank == 1) plan = plan with { Members = [plan.Members[0] with { Port = relay.Port }, plan.Members[1]] };
            using Group group = Group.Connect(plan, ranks.Listener(rank), Ranks.Deadline);
            // The sender of the damaged frame may still complete the first step.
            PeerLostException lost = Assert.Throws<PeerLostException>(() => Leaves.Reduce(group, Small) + Leaves.Reduce(group, Small, 2));
            return (lost.PeerLoss.Suspects, lost.PeerLoss.Reason, Count: group.Rejections[cause], group.Rejections.Total);
        });
        Assert.Equal((PeerLossReason.WrongFrame, 1, 1), (found[0].Reason, found[0].Count, found[0].Total));
        Assert.Equal([1], found[0].Suspects);
        Assert.NotEqual(0, (int)found[1].Reason);
    }

    [Theory]
    [InlineData("run", nameof(RejectionCause.WrongRun))]
    [InlineData("generation", nameof(RejectionCause.WrongGeneration))]
    [InlineData("nonce", nameof(RejectionCause.WrongGeneration))]
    [InlineData("incarnation", nameof(RejectionCause.WrongIncarnation))]
    [InlineData("rank", nameof(RejectionCause.WrongIncarnation))]
    [InlineData("step", nameof(RejectionCause.WrongStep))]
    [InlineData("kind", nameof(RejectionCause.WrongFrame))]
    [InlineData("offset", nameof(RejectionCause.WrongFrame))]
    [InlineData("length", nameof(RejectionCause.WrongLength))]
    public void An_unexpected_frame_is_refused_and_counted(string what, string causeName)
    {
        RejectionCause cause = Enum.Parse<RejectionCause>(causeName);
        using var ranks = new Ranks(2, [1, 2], s_tcp);
        using var fake = new Fake(ranks);
        GroupPlan plan = ranks.PlanOf(1);
        uint length = 64 + 4 * Small;
        FrameHeader frame = what switch
        {
            "run" => Sender(plan with { RunHash = 1 }),
            "generation" => Sender(plan with { GenerationNumber = 2 }),
            "nonce" => Sender(plan with { GenerationNonce = Guid.NewGuid() }),
            "incarnation" => Sender(plan with { Members = [plan.Members[0], plan.Members[1] with { Incarnation = 7 }] }),
            "rank" => FrameHeader.Of(plan with { Members = [plan.Members[1], plan.Members[0]] }, 0).With(FrameKind.SmallReduce, 1, 0, 0, length),
            _ => Sender(plan),
        };
        if (what == "step") frame.Step = 0;
        if (what == "kind") frame.Kind = FrameKind.Exchange;
        if (what == "offset") frame.Offset = 4;
        if (what == "length") frame.Length = uint.MaxValue;
        frame.SetChecksum();
        fake.Data.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<FrameHeader>(in frame)));
        fake.Data.Shutdown(SocketShutdown.Send); // if the frame were accepted, its payload would be missing

        PeerLostException lost = Assert.Throws<PeerLostException>(() => Leaves.Reduce(fake.Group, Small));
        Ranks.AssertLost(lost, PeerLossReason.WrongFrame, 1);
        Assert.Equal((1, 1), (fake.Group.Rejections[cause], fake.Group.Rejections.Total));
        Assert.Equal(0, fake.Drain()); // and its connection is closed

        FrameHeader Sender(GroupPlan as1) => FrameHeader.Of(as1, 1).With(FrameKind.SmallReduce, 1, 0, 0, length);
    }

    [Fact]
    public void A_live_peer_that_waits_for_another_is_not_suspected_until_it_falls_silent()
    {
        // Rank 1 is a fake that begins, then shows only that it waits, and then falls silent.
        using var ranks = new Ranks(2, [1, 2], s_tcp with { ProgressDeadline = TimeSpan.FromMilliseconds(400) });
        using var fake = new Fake(ranks);
        FrameHeader begin = FrameHeader.Of(ranks.Plan, 1).With(FrameKind.Begin, 1, length: 8);
        begin.SetChecksum();
        fake.Data.Send([.. MemoryMarshal.AsBytes(new ReadOnlySpan<FrameHeader>(in begin)), .. new byte[8]]);
        FrameHeader waiting = FrameHeader.Of(ranks.Plan, 1).With(FrameKind.Waiting);
        waiting.SetChecksum();
        byte[] sign = MemoryMarshal.AsBytes(new ReadOnlySpan<FrameHeader>(in waiting)).ToArray();
        const int Signs = 10;
        var living = new Thread(() =>
        {
            using var never = new ManualResetEventSlim();
            for (int i = 0; i < Signs; i++)
            {
                fake.Control.Send(sign);
                never.Wait(100); // the test is about the pace of the signs
            }
        });
        long start = Environment.TickCount64;
        living.Start();
        PeerLostException lost = Assert.Throws<PeerLostException>(() => Leaves.Reduce(fake.Group, Large));
        living.Join();

        Ranks.AssertLost(lost, PeerLossReason.NoProgress, 1);
        Assert.InRange(Environment.TickCount64 - start, 100 * (Signs - 1) + 400, 10_000);
    }

    /// <summary>Rank 0 is a group. Rank 1 consists of two sockets that have proved the secret.</summary>
    private sealed class Fake : IDisposable
    {
        public Fake(Ranks ranks)
        {
            Group? group = null;
            var connecting = new Thread(() => group = Group.Connect(ranks.PlanOf(0), ranks.Listener(0), Ranks.Deadline));
            connecting.Start();
            Control = GroupDialer.Connect(ranks.PlanOf(1), 0, ConnectionPurpose.Control, Ranks.Deadline, default);
            Data = GroupDialer.Connect(ranks.PlanOf(1), 0, ConnectionPurpose.Data, Ranks.Deadline, default);
            connecting.Join();
            Group = group!;
        }

        public Group Group { get; }
        public Socket Control { get; }
        public Socket Data { get; }

        /// <summary>Reads until the other side has closed.</summary>
        public int Drain()
        {
            try
            {
                while (Data.Receive(new byte[4096]) > 0)
                {
                }
            }
            catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
            {
                // Closed with unread bytes.
            }
            return 0;
        }

        public void Dispose()
        {
            Group.Dispose();
            Control.Dispose();
            Data.Dispose();
        }
    }
}
