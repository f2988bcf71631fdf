using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster;

/// <summary>A Redis server of a test's own on a free port of the loopback device, writing through to disk. Killed on disposal.</summary>
internal sealed class RedisServer(string address) : IDisposable
{
    private const string Loopback = "127.0.0.1";
    private readonly TemporaryFolder _folder = new();
    private readonly int _port = FreePort();
    private Process? _process;

    /// <summary>How clients name it.</summary>
    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"{address}:{_port}");

    /// <summary>Starts a server. Skips the test, by name, where Redis is not installed.</summary>
    /// <param name="address">An address of this machine that others reach; it is bound besides the loopback one.</param>
    public static async Task<RedisServer> StartAsync(string address = Loopback)
    {
        Assert.SkipUnless(IsInstalled(), "needs redis-server; install the package redis-server");
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

    /// <summary>Starts the process, anew after <see cref="Kill"/> and with what was written before.</summary>
    public async Task RunAsync()
    {
        _process = Process.Start(new ProcessStartInfo("redis-server",
            ["--port", $"{_port}", "--bind", .. address == Loopback ? [Loopback] : (string[])[Loopback, address], "--protected-mode", "no", "--dir", _folder.Path, "--appendonly", "yes", "--appendfsync", "always", "--save", ""])
        {
            RedirectStandardOutput = true,
        })!;
        _ = _process.StandardOutput.ReadToEndAsync();
        await Eventually.HoldsAsync("a Redis that answers", async () =>
        {
            Assert.False(_process.HasExited, "redis-server ended early");
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
        });
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process?.Kill();
        _process?.WaitForExit();
        _process?.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        Kill();
        _folder.Dispose();
    }

    private static bool IsInstalled() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "redis-server")));

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
