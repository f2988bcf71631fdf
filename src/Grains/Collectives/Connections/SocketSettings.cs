using System.Net.Sockets;
using System.Text;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Collectives.Connections;

/// <summary>What every socket of the data plane is set to. Buffers stay with the system: setting them would end their growing by themselves.</summary>
internal static class SocketSettings
{
    private const int TcpLevel = 6, UserTimeout = 18, CongestionControl = 13;

    /// <summary>Both time-outs are needed: keepalive finds a cut line that is only listened on, the user time-out one that is sent on.</summary>
    public static void Apply(Socket socket, GroupOptions options)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 1);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 1);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
        socket.SetRawSocketOption(TcpLevel, UserTimeout, BitConverter.GetBytes((int)options.NetworkTimeout.TotalMilliseconds));
    }

    /// <summary>Chooses the congestion control of a data socket. Where the system does not allow it, Reno, which is always there, is as fast
    /// within a rack.</summary>
    /// <returns>A warning, if it is another one than asked for.</returns>
    public static string? ApplyCongestionControl(Socket socket, string? name)
    {
        if (name is null || TrySet(socket, name)) return null;
        return $"TCP congestion control {name} is not allowed here; {(TrySet(socket, "reno") ? "Reno is used" : "the system's stays")}. " +
            "See net.ipv4.tcp_allowed_congestion_control";
    }

    private static bool TrySet(Socket socket, string name)
    {
        try
        {
            socket.SetRawSocketOption(TcpLevel, CongestionControl, Encoding.ASCII.GetBytes(name));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
