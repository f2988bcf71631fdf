using System.Net.Sockets;

namespace Spikeformer.Architecture.Violations.Outside;

/// <summary>Uses what the network's projects must not know.</summary>
public sealed class Talker
{
    public Func<Socket> Open() => () => new Socket(SocketType.Stream, ProtocolType.Tcp);

    public static void Say() => Console.WriteLine();
}

public sealed class Listener
{
    public int Heard { get; set; }
}
