using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives.Connections;

public sealed class DataListenerTests
{
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(300);

    [Fact]
    public void A_connection_that_proves_the_secret_arrives_with_its_rank()
    {
        using var rig = new Rig();
        using Socket socket = rig.Dial(rig.Caller);
        using Socket arrived = rig.Arrived.Take().Socket;

        socket.Send("hello"u8);
        Assert.Equal(5, arrived.Receive(new byte[5]));
        Assert.Equal(0, rig.Listener.Rejections.Total);
    }

    [Fact]
    public void A_wrong_secret_is_refused_by_both_sides()
    {
        using var rig = new Rig();
        GroupPlan guess = rig.Caller with { Secret = RandomNumberGenerator.GetBytes(32) };
        Assert.Contains("secret", Assert.Throws<PeerLostException>(() => rig.Dial(guess)).Message);

        // A connector that ignores the listener's proof and sends its own.
        using Socket socket = rig.Raw();
        byte[] hello = Handshake.Write(rig.Hello), challenge = new byte[Handshake.ChallengeBytes];
        socket.Send(hello);
        socket.Receive(challenge);
        socket.Send(Handshake.ConnectorProof(guess.Secret, hello, challenge.AsSpan(1, 32)));
        byte[] verdict = new byte[1];
        Assert.Equal(1, socket.Receive(verdict));
        Assert.Equal((byte)Answer.Refused, verdict[0]);
        Assert.Equal(1, rig.Listener.Rejections[RejectionCause.WrongSecret]);
        Assert.Empty(rig.Arrived);
    }

    [Fact]
    public void The_listeners_own_proof_sent_back_to_it_is_refused()
    {
        using var rig = new Rig();
        using Socket socket = rig.Raw();
        byte[] challenge = new byte[Handshake.ChallengeBytes], verdict = new byte[1];
        socket.Send(Handshake.Write(rig.Hello));
        socket.Receive(challenge);
        socket.Send(challenge.AsSpan(33));
        socket.Receive(verdict);

        Assert.Equal((byte)Answer.Refused, verdict[0]);
    }

    [Fact]
    public void Another_nonce_or_number_is_another_generation()
    {
        using var rig = new Rig();
        Assert.Contains("not opened", Assert.Throws<PeerLostException>(() => rig.Dial(rig.Caller with { GenerationNonce = Guid.NewGuid() }, s_short)).Message);
        long nonce = rig.Listener.Rejections[RejectionCause.WrongGeneration];
        Assert.True(nonce > 0);
        Assert.Throws<PeerLostException>(() => rig.Dial(rig.Caller with { GenerationNumber = 2 }, s_short));
        Assert.True(rig.Listener.Rejections[RejectionCause.WrongGeneration] > nonce);
        Assert.Empty(rig.Arrived);
    }

    [Fact]
    public void Waiting_members_are_admitted_when_the_generation_is_opened()
    {
        using var rig = new Rig();
        GroupPlan next = rig.Caller with { GenerationNumber = 4 };
        IDisposable? door = null;
        // The caller's first attempts are refused. The opener waits for these refusals.
        var opener = new Thread(() =>
        {
            SpinWait.SpinUntil(() => rig.Listener.Rejections[RejectionCause.WrongGeneration] > 0);
            door = rig.Listener.Open(next with { OwnRank = 0 }, ConnectionPurpose.Heartbeat, rig.Arrived.Add);
        });
        opener.Start();
        using Socket socket = rig.Dial(next);
        opener.Join();
        Assert.Equal(1, rig.Arrived.Take().Rank);
        door!.Dispose();
    }

    [Fact]
    public void Another_incarnation_of_either_end_is_refused()
    {
        using var rig = new Rig();
        foreach (int rank in (int[])[0, 1])
        {
            GroupMember[] members = [.. rig.Caller.Members];
            members[rank] = members[rank] with { Incarnation = 99 };
            Assert.Contains("refused", Assert.Throws<PeerLostException>(() => rig.Dial(rig.Caller with { Members = members })).Message);
        }
        Assert.Equal(2, rig.Listener.Rejections[RejectionCause.WrongIncarnation]);
    }

    [Fact]
    public void The_second_connection_of_a_pair_is_refused()
    {
        using var rig = new Rig();
        using Socket first = rig.Dial(rig.Caller);
        Assert.Throws<PeerLostException>(() => rig.Dial(rig.Caller));
        Assert.Equal(1, rig.Listener.Rejections[RejectionCause.Duplicate]);
    }

    [Fact]
    public void Learners_may_have_several_transfer_connections()
    {
        using var rig = new Rig();
        using IDisposable door = rig.Listener.Open(rig.Caller with { OwnRank = 0 }, ConnectionPurpose.Transfer, rig.Arrived.Add);
        using Socket one = GroupDialer.ConnectLearner(rig.Caller, 55, 0, Ranks.Deadline, default), two = GroupDialer.ConnectLearner(rig.Caller, 55, 0, Ranks.Deadline, default);

        Assert.Equal([(GroupDialer.Learner, 55ul), (GroupDialer.Learner, 55ul)], [.. Enumerable.Range(0, 2).Select(_ => rig.Arrived.Take()).Select(c => (c.Rank, c.Incarnation))]);
        Assert.Throws<PeerLostException>(() => GroupDialer.Connect(rig.Caller with { OwnRank = 1 }, 0, ConnectionPurpose.Data, s_short, default));
    }

    [Fact]
    public void A_connection_that_sends_too_slowly_is_dropped_after_two_seconds()
    {
        using var rig = new Rig();
        using Socket socket = rig.Raw();
        socket.Send([0x53]);
        Assert.Equal(Handshake.ChallengeBytes, socket.Receive(new byte[200])); // the refusal
        Assert.Equal(0, socket.Receive(new byte[1]));
        Assert.Equal(1, rig.Listener.Rejections[RejectionCause.TooSlow]);
    }

    [Fact]
    public void Strangers_are_disconnected_after_the_hello()
    {
        using var rig = new Rig();
        using Socket socket = rig.Raw();
        socket.Send(new byte[Handshake.HelloBytes]);
        Assert.Equal((Handshake.ChallengeBytes, 0), (socket.Receive(new byte[200]), socket.Receive(new byte[1])));
        Assert.Equal(1, rig.Listener.Rejections[RejectionCause.Malformed]);
    }

    [Fact]
    public void A_crowd_of_silent_strangers_makes_room_for_a_member_and_for_each_other()
    {
        using var rig = new Rig();
        Socket[] crowd = [.. Enumerable.Range(0, 300).Select(_ => rig.Raw())];
        using Socket socket = rig.Dial(rig.Caller);
        Assert.Equal(1, rig.Arrived.Take().Rank);
        // 64 at a time: the member was the 301st and needed a place too.
        Assert.InRange(rig.Listener.Rejections[RejectionCause.TooSlow], 300 + 1 - 64, 300);
        Assert.InRange(crowd.Count(stranger => !stranger.Poll(0, SelectMode.SelectRead)), 0, 63);
        foreach (Socket stranger in crowd) stranger.Dispose();
    }

    [Fact]
    public void A_purpose_is_opened_once_and_can_be_closed()
    {
        using var rig = new Rig();
        Assert.Throws<InvalidOperationException>(() => rig.Listener.Open(rig.Caller with { OwnRank = 0 }, ConnectionPurpose.Heartbeat, _ => { }));
        rig.Door.Dispose();
        Assert.Throws<PeerLostException>(() => rig.Dial(rig.Caller, s_short));
    }

    [Theory]
    [InlineData(2, 2)]
    [InlineData(3)]
    [InlineData(1, 2)]
    public void A_plan_whose_blocks_are_empty_or_do_not_cover_the_shards_is_refused(params int[] ends)
    {
        using var ranks = new Ranks(2, ends);
        Assert.Throws<ArgumentException>(() => Group.Connect(ranks.Plan with { Shards = ends is [1, 2] ? 3 : 2 }, ranks.Listener(0), s_short));
    }

    /// <summary>Rank 0's listener with one purpose open, and rank 1 outside.</summary>
    private sealed class Rig : IDisposable
    {
        private readonly Ranks _ranks = new(2, [1, 2]);

        public Rig() => Door = Listener.Open(_ranks.PlanOf(0), ConnectionPurpose.Heartbeat, Arrived.Add);

        public System.Collections.Concurrent.BlockingCollection<PeerConnection> Arrived { get; } = [];
        public DataListener Listener => _ranks.Listener(0);
        public GroupPlan Caller => _ranks.PlanOf(1);
        public IDisposable Door { get; }
        public Hello Hello => new(ConnectionPurpose.Heartbeat, Caller.RunHash, Caller.GenerationNumber, Caller.GenerationNonce, 1, 0, 101, 100);

        public Socket Dial(GroupPlan plan, TimeSpan? deadline = null) =>
            GroupDialer.Connect(plan, 0, ConnectionPurpose.Heartbeat, deadline ?? Ranks.Deadline, TestContext.Current.CancellationToken);

        public Socket Raw()
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 20_000 };
            socket.Connect(IPAddress.Loopback, Listener.Port);
            return socket;
        }

        public void Dispose() => _ranks.Dispose();
    }
}
