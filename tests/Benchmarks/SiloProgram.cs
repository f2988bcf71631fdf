using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Spikeformer.Clustering;

namespace Spikeformer.Benchmarks;

/// <summary>A silo, or another server, as a process of its own; killed on disposal.</summary>
internal sealed class SiloProgram : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60), Poll = TimeSpan.FromMilliseconds(20);

    private readonly Process _process;

    private SiloProgram(Process process) => _process = process;

    /// <summary>The program where its project builds it.</summary>
    public static string Path { get; } = AppContext.BaseDirectory.Replace("/tests/Benchmarks/", "/src/Silo/") + "spikeformer-silo.dll";

    /// <summary>Where it listens.</summary>
    public SiloEndpoints? Endpoints { get; private set; }

    /// <summary>Starts a silo on free ports and waits until it is up.</summary>
    /// <param name="folder">Where it may write.</param>
    /// <param name="name">Its name.</param>
    /// <param name="on">Puts it on another machine; null for this one.</param>
    /// <param name="options">More options.</param>
    public static async Task<SiloProgram> StartAsync(string folder, string name, Func<ProcessStartInfo, ProcessStartInfo>? on, params string[] options)
    {
        string state = System.IO.Path.Combine(folder, name), endpoints = System.IO.Path.Combine(state, "endpoints.json");
        Directory.CreateDirectory(state);
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[Path, "run", "--name", name, "--state", state, "--endpoint-file", endpoints, "--silo-port", "0", "--gateway-port", "0", "--http-port", "0", .. options])
            start.ArgumentList.Add(argument);
        start.Environment["SPIKEFORMER_TRANSPORT"] = "tcp";
        File.Delete(endpoints);
        SiloProgram silo = Run(on is null ? start : on(start));
        for (long began = Stopwatch.GetTimestamp(); (silo.Endpoints = SiloEndpoints.TryRead(endpoints)) is null; await Task.Delay(Poll))
            if (silo._process.HasExited || Stopwatch.GetElapsedTime(began) > Limit) throw new InvalidOperationException($"Silo {name} did not start");
        return silo;
    }

    /// <summary>Starts a Redis server.</summary>
    /// <returns>The server, and how clients name it.</returns>
    public static async Task<(SiloProgram Server, string Address)> StartRedisAsync(string folder, string address)
    {
        int port;
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }
        SiloProgram server = Run(new("redis-server", ["--port", $"{port}", "--bind", address, "--protected-mode", "no", "--dir", folder, "--appendonly", "yes", "--appendfsync", "always", "--save", ""])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        });
        for (long began = Stopwatch.GetTimestamp(); ; await Task.Delay(Poll))
        {
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync(address, port);
                return (server, string.Create(CultureInfo.InvariantCulture, $"{address}:{port}"));
            }
            catch (SocketException) when (!server._process.HasExited && Stopwatch.GetElapsedTime(began) < Limit)
            {
                // Not up yet.
            }
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static SiloProgram Run(ProcessStartInfo start)
    {
        Process process = Process.Start(start)!;
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        return new(process);
    }
}
