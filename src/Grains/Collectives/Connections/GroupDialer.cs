using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Spikeformer.Collectives.Connections;

/// <summary>Connects to the listeners of a generation's members.</summary>
internal static class GroupDialer
{
    /// <summary>The rank of a process that knows the generation but owns no shards.</summary>
    public const int Learner = -1;

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(5), s_longestPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Connects to a member. Tries again until the member listens and has opened the generation.</summary>
    /// <returns>A blocking socket. The caller owns it.</returns>
    /// <exception cref="PeerLostException">No connection was made in time, or the peer refused.</exception>
    public static Socket Connect(GroupPlan plan, int rank, ConnectionPurpose purpose, TimeSpan deadline, CancellationToken cancellation) =>
        Connect(plan, plan.OwnRank, plan.Own.Incarnation, rank, purpose, deadline, cancellation);

    /// <summary>Connects a process that is not a member, for a transfer. The incarnation is the caller's own.</summary>
    /// <inheritdoc cref="Connect(GroupPlan, int, ConnectionPurpose, TimeSpan, CancellationToken)" path="/returns|/exception"/>
    public static Socket ConnectLearner(GroupPlan plan, ulong incarnation, int rank, TimeSpan deadline, CancellationToken cancellation) =>
        Connect(plan, Learner, incarnation, rank, ConnectionPurpose.Transfer, deadline, cancellation);

    private static Socket Connect(
        GroupPlan plan, int ownRank, ulong ownIncarnation, int rank, ConnectionPurpose purpose, TimeSpan deadline, CancellationToken cancellation)
    {
        GroupMember peer = plan.Members[rank];
        var hello = new Hello(purpose, plan.RunHash, plan.GenerationNumber, plan.GenerationNonce, ownRank, rank, ownIncarnation, peer.Incarnation);
        long end = plan.Options.Time.Milliseconds() + (long)deadline.TotalMilliseconds;
        for (TimeSpan pause = s_firstPause; ; pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause)
        {
            cancellation.ThrowIfCancellationRequested();
            (Socket? socket, string problem, bool isFinal) = Try(plan, peer, hello);
            if (socket is not null) return socket;
            if (isFinal || plan.Options.Time.Milliseconds() > end)
                throw new PeerLostException(new(PeerLossReason.NotConnected, [rank],
                    $"{plan.Name(rank)} of generation {plan.GenerationNumber} cannot be reached at {peer.Host}:{peer.Port}: {problem}"));
            cancellation.WaitHandle.WaitOne(pause);
        }
    }

    private static (Socket? Connection, string Problem, bool IsFinal) Try(GroupPlan plan, GroupMember peer, Hello hello)
    {
        Socket? socket = null;
        try
        {
            IPAddress address = IPAddress.TryParse(peer.Host, out IPAddress? literal) ? literal : Dns.GetHostAddresses(peer.Host)[0];
            int patience = (int)Handshake.Patience.TotalMilliseconds;
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { SendTimeout = patience, ReceiveTimeout = patience };
            socket.Connect(new IPEndPoint(address, peer.Port));
            SocketSettings.Apply(socket, plan.Options);

            byte[] own = Handshake.Write(hello), challenge = new byte[Handshake.ChallengeBytes], verdict = new byte[1];
            socket.Send(own);
            if (!ReceiveAll(socket, challenge)) return Failed("it closed the connection");
            if (challenge[0] == (byte)Answer.NotOpen) return Failed("it has not opened this generation");
            if (challenge[0] != (byte)Answer.Welcome) return Failed("it refused", isFinal: true);
            ReadOnlySpan<byte> random = challenge.AsSpan(1, 32);
            if (!CryptographicOperations.FixedTimeEquals(Handshake.ListenerProof(plan.Secret, own, random), challenge.AsSpan(33)))
                return Failed("it does not know the generation's secret", isFinal: true);
            socket.Send(Handshake.ConnectorProof(plan.Secret, own, random));
            if (!ReceiveAll(socket, verdict)) return Failed("it closed the connection");
            if (verdict[0] != (byte)Answer.Welcome) return Failed("it refused", isFinal: true);
            return (socket, "", false);
        }
        catch (SocketException error)
        {
            return Failed(error.Message);
        }

        (Socket?, string, bool) Failed(string problem, bool isFinal = false)
        {
            socket?.Dispose();
            return (null, problem, isFinal);
        }
    }

    private static bool ReceiveAll(Socket socket, Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int got = socket.Receive(bytes);
            if (got == 0) return false;
            bytes = bytes[got..];
        }
        return true;
    }
}
