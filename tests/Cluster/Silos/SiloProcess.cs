using System.Diagnostics;
using Spikeformer.Clustering;
using Spikeformer.TestKit;
using Spikeformer.TestKit.Servers;

namespace Spikeformer.Cluster.Silos;

/// <summary>The silo program in its own process, on free ports, with the test grains. Killed on disposal.</summary>
internal sealed class SiloProcess : IDisposable
{
    private readonly ServerProcess _process;
    private readonly TemporaryFolder _folder;

    private SiloProcess(ServerProcess process, TemporaryFolder folder) => (_process, _folder) = (process, folder);

    public bool HasExited => _process.HasExited;

    /// <summary>The addresses on which it listens; after <c>StartAsync</c>.</summary>
    public SiloEndpoints Endpoints { get; private init; } = null!;

    /// <summary>Starts a silo on free ports and waits until it has started.</summary>
    public static Task<SiloProcess> StartAsync(params string[] options) => StartAsync(new Dictionary<string, string>(), options);

    /// <summary>Starts a silo with environment variables, which its workers inherit.</summary>
    public static Task<SiloProcess> StartAsync(IReadOnlyDictionary<string, string> environment, params string[] options) => StartAsync(environment, null, options);

    /// <summary>Starts a silo on its own machine.</summary>
    public static async Task<SiloProcess> StartAsync(IReadOnlyDictionary<string, string> environment, Func<ProcessStartInfo, ProcessStartInfo>? on, params string[] options)
    {
        var folder = new TemporaryFolder();
        ProcessStartInfo start = Invocation(
            ["run", "--silo-port", "0", "--gateway-port", "0", "--http-port", "0", "--endpoint-file", folder["endpoints.json"],
            .. options.Contains("--devices") ? Array.Empty<string>() : ["--devices", "none"], .. options]);
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        try
        {
            ServerProcess process = await ServerProcess.StartAsync("the silo", on is null ? start : on(start),
                () => Task.FromResult(SiloEndpoints.TryRead(folder["endpoints.json"]) is not null));
            return new(process, folder) { Endpoints = SiloEndpoints.TryRead(folder["endpoints.json"])! };
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Runs the program with any arguments to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using ServerProcess process = ServerProcess.Start(Invocation(arguments));
        return process.Finish();
    }

    /// <summary>Returns how to run the program with the test grains.</summary>
    public static ProcessStartInfo Invocation(params string[] arguments) =>
        new(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet", [Path.Combine(AppContext.BaseDirectory, "spikeformer-silo.dll"), .. arguments])
        {
            Environment = { ["DOTNET_STARTUP_HOOKS"] = typeof(SiloProcess).Assembly.Location, ["DOTNET_DbgEnableMiniDump"] = "0" },
        };

    public async Task<(int Status, string Text)> GetAsync(string path)
    {
        using var http = new HttpClient();
        using HttpResponseMessage answer = await http.GetAsync(Endpoints.Http + path);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public Task<ClusterClient> ConnectAsync() => ClusterClient.ConnectAsync(ClusterAddress.Parse(Endpoints.Gateway) with { ClusterId = Endpoints.ClusterId });

    public void CloseInput() => _process.CloseInput();

    public void Signal(int signal) => _process.Signal(signal);

    /// <summary>SIGKILL: the process cannot clean up.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Waits for at most a minute until the process has ended.</summary>
    public (int ExitCode, string Output, string Error) Finish() => _process.Finish();

    public void Dispose()
    {
        _process.Dispose();
        _folder.Dispose();
    }
}
