using System.Diagnostics;
using Spikeformer.Clustering;
using Spikeformer.TestKit.Servers;

namespace Spikeformer.Benchmarks;

/// <summary>A silo in a separate process, which is killed on disposal.</summary>
internal sealed class SiloProgram : IDisposable
{
    private readonly ServerProcess _process;

    private SiloProgram(ServerProcess process, SiloEndpoints endpoints) => (_process, Endpoints) = (process, endpoints);

    /// <summary>Path of the program in the build output of its project.</summary>
    public static string Path { get; } = AppContext.BaseDirectory.Replace("/tests/Benchmarks/", "/src/Silo/") + "spikeformer-silo.dll";

    /// <summary>Addresses of the silo.</summary>
    public SiloEndpoints Endpoints { get; }

    /// <summary>Starts a silo on free ports and waits until it is ready.</summary>
    /// <param name="folder">Folder for the silo's files.</param>
    /// <param name="name">Name of the silo.</param>
    /// <param name="on">Changes the start so that the process runs on another machine.</param>
    /// <param name="options">Additional options.</param>
    public static async Task<SiloProgram> StartAsync(string folder, string name, Func<ProcessStartInfo, ProcessStartInfo>? on, params string[] options)
    {
        string state = System.IO.Path.Combine(folder, name), endpoints = System.IO.Path.Combine(state, "endpoints.json");
        Directory.CreateDirectory(state);
        File.Delete(endpoints);
        var start = new ProcessStartInfo("dotnet",
            [Path, "run", "--name", name, "--state", state, "--endpoint-file", endpoints, "--silo-port", "0", "--gateway-port", "0", "--http-port", "0", .. options])
        {
            Environment = { ["SPIKEFORMER_TRANSPORT"] = "tcp" },
        };
        ServerProcess process = await ServerProcess.StartAsync($"silo {name}", on is null ? start : on(start), () => Task.FromResult(SiloEndpoints.TryRead(endpoints) is not null));
        return new(process, SiloEndpoints.TryRead(endpoints)!);
    }

    public void Dispose() => _process.Dispose();
}
