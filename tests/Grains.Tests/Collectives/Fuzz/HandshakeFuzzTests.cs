using System.Net;
using System.Net.Sockets;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives.Fuzz;

/// <summary>Strangers at the data port. Their hellos and proofs are wrong in every way, truncated, or recorded from another connection.</summary>
public sealed class HandshakeFuzzTests
{
    private const int Seed = 20261126, Hellos = 6_000, Connections = 4_000;

    /// <summary>Behaviour of a stranger.</summary>
    private enum Act
    {
        Garbage, ShortGarbage, Silence, FlippedMark, WrongRun, WrongNumber, WrongNonce, WrongPurpose, WrongTo, OwnRank, UnknownRank, NegativeRank,
        WrongIncarnation, OldListener, CutProof, WrongProof, FlippedProof, ListenersProof, Replay, Second,
    }

    [Fact]
    public void Any_bytes_are_read_as_a_hello_or_rejected()
    {
        var random = new Random(Seed);
        Hello hello = HelloTo(FrameCase.Plan);
        for (int i = 0; i < Hellos; i++)
        {
            byte[] bytes = Handshake.Write(hello);
            Assert.Equal(hello, Handshake.Read(bytes));
            int place = random.Next(8 * Handshake.HelloBytes);
            if (i % 4 == 0) random.NextBytes(bytes);
            else bytes[place / 8] ^= (byte)(1 << place % 8);
            Hello? read = Handshake.Read(bytes);
            // Mark and version come first, then the fields, then random bytes, which are part of the proof but not read. Byte 7 is unused.
            if (i % 4 == 0 || place < 48) Assert.Null(read);
            else Assert.Equal(place is >= 56 and < 64 or >= 512, read == hello);
        }
    }

    [Fact]
    public async Task Every_stranger_is_refused_counted_and_reported_with_its_own_cause()
    {
        using var ranks = new Ranks(3, [1, 2, 3]);
        GroupPlan plan = ranks.PlanOf(1);
        var reported = new System.Collections.Concurrent.ConcurrentDictionary<RejectionCause, long>();
        using var listener = new DataListener(IPAddress.Loopback, refused: (cause, from) =>
        {
            Assert.Equal(IPAddress.Loopback, from);
            reported.AddOrUpdate(cause, 1, (_, count) => count + 1);
        });
        int arrived = 0;
        using IDisposable door = listener.Open(ranks.PlanOf(0), ConnectionPurpose.Heartbeat, _ => arrived++);
        // A member connects once, and its messages are recorded.
        byte[] hello = Handshake.Write(HelloTo(plan)), recorded;
        using Socket member = Connect(listener);
        recorded = Handshake.ConnectorProof(plan.Secret, hello, Challenge(member, hello).AsSpan(1, 32));
        member.Send(recorded);
        Assert.Equal((byte)Answer.Welcome, Received(member, 1)[0]);

        var random = new Random(Seed);
        var expected = new long[Enum.GetValues<RejectionCause>().Length];
        for (int i = 0; i < Connections; i++)
        {
            var act = (Act)random.Next(Enum.GetValues<Act>().Length);
            using Socket stranger = Connect(listener);
            (RejectionCause cause, Answer? answer) = Play(act, stranger, plan, hello, recorded, random);
            expected[(int)cause]++;
            if (answer is not { } due) continue; // the stranger hangs up first
            byte[] rest = Received(stranger, Handshake.ChallengeBytes);
            Assert.True(rest.Length > 0 && rest[0] == (byte)due, $"connection {i}, {act}: answered {(rest.Length == 0 ? "nothing" : rest[0])}");
            Assert.Equal(rest.Length, rest[0] == (byte)Answer.NotOpen || IsAtTheHello(act) ? Handshake.ChallengeBytes : 1);
        }
        await Eventually.HoldsAsync("a count of all connections", () => listener.Rejections.Total >= Connections);
        Assert.Equal(expected, Enum.GetValues<RejectionCause>().Select(cause => listener.Rejections[cause]));
        Assert.Equal(1, arrived);
        // Connections that may only be early are not reported.
        expected[(int)RejectionCause.WrongGeneration] = 0;
        Assert.Equal(expected, Enum.GetValues<RejectionCause>().Select(cause => reported.GetValueOrDefault(cause)));
        Assert.All([RejectionCause.Malformed, RejectionCause.WrongIncarnation, RejectionCause.WrongSecret, RejectionCause.Duplicate, RejectionCause.Abandoned],
            cause => Assert.True(expected[(int)cause] > 100, $"{cause}"));

        // The port still serves.
        using Socket other = GroupDialer.Connect(ranks.PlanOf(2) with { Members = [plan.Members[0] with { Port = listener.Port }, plan.Members[1], plan.Members[2]] },
            0, ConnectionPurpose.Heartbeat, Ranks.Deadline, TestContext.Current.CancellationToken);
        await Eventually.HoldsAsync("the second member", () => Volatile.Read(ref arrived) == 2);
    }

    private static (RejectionCause Cause, Answer? Answer) Play(Act act, Socket socket, GroupPlan plan, byte[] recordedHello, byte[] recordedProof, Random random)
    {
        Hello hello = HelloTo(plan);
        var garbage = new byte[act is Act.Garbage ? random.Next(Handshake.HelloBytes, 300) : random.Next(1, Handshake.HelloBytes)];
        random.NextBytes(garbage);
        byte[] own = Handshake.Write(act switch
        {
            Act.WrongRun => hello with { RunHash = (ulong)random.NextInt64() },
            Act.WrongNumber => hello with { GenerationNumber = random.NextInt64(4, long.MaxValue) },
            Act.WrongNonce => hello with { GenerationNonce = Guid.Empty },
            Act.WrongPurpose => hello with { Purpose = (ConnectionPurpose)random.Next(5, 256) },
            Act.WrongTo => hello with { To = random.Next(1, int.MaxValue) },
            Act.OwnRank => hello with { From = 0 },
            Act.UnknownRank => hello with { From = random.Next(3, int.MaxValue) },
            Act.NegativeRank => hello with { From = random.Next(int.MinValue, 0) },
            Act.WrongIncarnation => hello with { FromIncarnation = (ulong)random.NextInt64() },
            Act.OldListener => hello with { ToIncarnation = (ulong)random.NextInt64() },
            _ => hello,
        });
        switch (act)
        {
            case Act.Garbage:
                socket.Send(garbage);
                return (RejectionCause.Malformed, null); // bytes that stay unread may reset the connection before the answer arrives
            case Act.ShortGarbage:
                socket.Send(garbage);
                return (RejectionCause.Abandoned, null);
            case Act.Silence:
                return (RejectionCause.Abandoned, null);
            case Act.FlippedMark:
                own[random.Next(6)] ^= (byte)(1 << random.Next(8));
                socket.Send(own);
                return (RejectionCause.Malformed, Answer.Refused);
            case Act.WrongRun or Act.WrongNumber or Act.WrongNonce or Act.WrongPurpose:
                socket.Send(own);
                return (RejectionCause.WrongGeneration, Answer.NotOpen);
            case Act.WrongTo or Act.WrongIncarnation or Act.OldListener:
                socket.Send(own);
                return (RejectionCause.WrongIncarnation, Answer.Refused);
            case Act.OwnRank or Act.UnknownRank or Act.NegativeRank:
                socket.Send(own);
                return (RejectionCause.Malformed, Answer.Refused);
        }
        byte[] challenge = Challenge(socket, act is Act.Replay ? recordedHello : own), proof = new byte[Handshake.ProofBytes];
        random.NextBytes(proof);
        if (act is Act.Second or Act.FlippedProof or Act.CutProof) proof = Handshake.ConnectorProof(plan.Secret, own, challenge.AsSpan(1, 32));
        if (act is Act.FlippedProof) proof[random.Next(proof.Length)] ^= (byte)(1 << random.Next(8));
        if (act is Act.ListenersProof) proof = challenge[33..];
        if (act is Act.Replay) proof = recordedProof;
        socket.Send(act is Act.CutProof ? proof[..random.Next(proof.Length)] : proof);
        return act switch
        {
            Act.CutProof => (RejectionCause.Abandoned, null),
            Act.Second => (RejectionCause.Duplicate, Answer.Refused),
            _ => (RejectionCause.WrongSecret, Answer.Refused),
        };
    }

    private static bool IsAtTheHello(Act act) => act < Act.CutProof;

    private static Hello HelloTo(GroupPlan plan) => new(ConnectionPurpose.Heartbeat, plan.RunHash, plan.GenerationNumber, plan.GenerationNonce,
        1, 0, plan.Members[1].Incarnation, plan.Members[0].Incarnation);

    private static Socket Connect(DataListener listener)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 20_000 };
        socket.Connect(IPAddress.Loopback, listener.Port);
        return socket;
    }

    private static byte[] Challenge(Socket socket, byte[] hello)
    {
        socket.Send(hello);
        byte[] challenge = Received(socket, Handshake.ChallengeBytes);
        Assert.Equal((Handshake.ChallengeBytes, (byte)Answer.Welcome), (challenge.Length, challenge[0]));
        return challenge;
    }

    /// <summary>Receives the given number of bytes, or fewer if the other side hangs up.</summary>
    private static byte[] Received(Socket socket, int count)
    {
        var bytes = new byte[count];
        int received = 0;
        try
        {
            for (int got; received < count && (got = socket.Receive(bytes.AsSpan(received))) > 0;) received += got;
        }
        catch (SocketException reset) when (reset.SocketErrorCode is SocketError.ConnectionReset)
        {
            // The other side hung up with unread bytes.
        }
        return bytes[..received];
    }
}
