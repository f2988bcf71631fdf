using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Spikeformer.TestKit.Servers;

/// <summary>A Redis server for one test, on a free port of the loopback device. It writes every change to disk at once. Killed on disposal.</summary>
public sealed class RedisServer : IDisposable
{
    private const string Loopback = "127.0.0.1";
    private readonly TemporaryFolder _folder = new();
    private readonly int _port = ServerProcess.FreePort();
    private readonly string _address;
    private ServerProcess? _process;

    private RedisServer(string address) => _address = address;

    /// <summary>The connection string for clients.</summary>
    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"{_address}:{_port}");

    /// <summary>Starts a server. Skips the test, with a reason, if Redis is not installed.</summary>
    /// <param name="address">An address of this machine to listen on, in addition to the loopback address.</param>
    public static async Task<RedisServer> StartAsync(string address = Loopback)
    {
        ServerProcess.Require("redis-server", "redis-server");
        var server = new RedisServer(address);
        try
        {
            await server.RunAsync();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Starts the process. After <see cref="Kill"/> it starts again with the data written before.</summary>
    public async Task RunAsync() => _process = await ServerProcess.StartAsync("a Redis",
        new("redis-server",
            ["--port", $"{_port}", "--bind", .. _address == Loopback ? [Loopback] : (string[])[Loopback, _address], "--protected-mode", "no",
            "--dir", _folder.Path, "--appendonly", "yes", "--appendfsync", "always", "--save", ""]),
        AnswersAsync);

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process?.Dispose();
        _process = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Kill();
        _folder.Dispose();
    }

    private async Task<bool> AnswersAsync()
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, _port);
            await client.GetStream().WriteAsync("PING\r\n"u8.ToArray());
            byte[] answer = new byte[7];
            await client.GetStream().ReadExactlyAsync(answer);
            return answer.AsSpan().SequenceEqual("+PONG\r\n"u8);
        }
        catch (Exception error) when (error is SocketException or IOException)
        {
            return false;
        }
    }
}
