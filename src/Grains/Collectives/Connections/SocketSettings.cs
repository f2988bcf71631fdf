using System.Net.Sockets;
using System.Text;

namespace Spikeformer.Collectives.Connections;

/// <summary>Socket options of the data plane. Buffer sizes are left to the system, because setting them would stop them from growing automatically.</summary>
internal static class SocketSettings
{
    private const int TcpLevel = 6, UserTimeout = 18, CongestionControl = 13;

    /// <summary>Sets the options of every socket. Both time-outs are needed: keepalive finds a broken connection while this side only listens, the user
    /// time-out while it sends.</summary>
    public static void Apply(Socket socket, GroupOptions options)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 1);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 1);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
        socket.SetRawSocketOption(TcpLevel, UserTimeout, BitConverter.GetBytes((int)options.NetworkTimeout.TotalMilliseconds));
    }

    /// <summary>Sets the congestion control of a data socket. If the system does not allow it, Reno is used: it is always available and as fast within
    /// a rack.</summary>
    /// <returns>A warning, if the requested one is not used.</returns>
    public static string? ApplyCongestionControl(Socket socket, string? name)
    {
        if (name is null || TrySet(socket, name)) return null;
        return $"TCP congestion control {name} is not allowed here, so {(TrySet(socket, "reno") ? "Reno" : "the system's default")} is used. " +
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
