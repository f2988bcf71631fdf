using System.Diagnostics;
using System.Globalization;
using Spikeformer.Clustering;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster;

/// <summary>The real silo program in a process of its own, on free ports, with the test grains loaded. Killed on disposal.</summary>
internal sealed class SiloProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output, _error;
    private readonly TemporaryFolder _folder;

    private SiloProcess(ProcessStartInfo start, TemporaryFolder folder)
    {
        _folder = folder;
        _process = Process.Start(start)!;
        (_output, _error) = (_process.StandardOutput.ReadToEndAsync(), _process.StandardError.ReadToEndAsync());
    }

    public bool HasExited => _process.HasExited;

    /// <summary>Where it listens; after <see cref="StartAsync"/>.</summary>
    public SiloEndpoints Endpoints { get; private set; } = null!;

    /// <summary>Starts a silo on free ports and waits until it is up.</summary>
    public static Task<SiloProcess> StartAsync(params string[] options) => StartAsync(new Dictionary<string, string>(), options);

    /// <summary>The same with environment variables, which its workers inherit.</summary>
    public static Task<SiloProcess> StartAsync(IReadOnlyDictionary<string, string> environment, params string[] options) => StartAsync(environment, null, options);

    /// <summary>The same, on a machine of its own.</summary>
    public static async Task<SiloProcess> StartAsync(IReadOnlyDictionary<string, string> environment, Func<ProcessStartInfo, ProcessStartInfo>? on, params string[] options)
    {
        var folder = new TemporaryFolder();
        ProcessStartInfo start = Invocation(
            ["run", "--silo-port", "0", "--gateway-port", "0", "--http-port", "0", "--endpoint-file", folder["endpoints.json"],
            .. options.Contains("--devices") ? Array.Empty<string>() : ["--devices", "none"], .. options]);
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        var silo = new SiloProcess(on is null ? start : on(start), folder);
        try
        {
            await Eventually.HoldsAsync("a silo that is up", () =>
            {
                Assert.False(silo.HasExited, $"the silo ended early: {(silo.HasExited ? silo._error.Result : "")}");
                return (silo.Endpoints = SiloEndpoints.TryRead(folder["endpoints.json"])!) is not null;
            });
            return silo;
        }
        catch
        {
            silo.Dispose();
            throw;
        }
    }

    /// <summary>Runs the program with any arguments to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using var silo = new SiloProcess(Invocation(arguments), new());
        return silo.Finish();
    }

    /// <summary>How to run the program with the test grains.</summary>
    public static ProcessStartInfo Invocation(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet")
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            Environment = { ["DOTNET_STARTUP_HOOKS"] = typeof(SiloProcess).Assembly.Location, ["DOTNET_DbgEnableMiniDump"] = "0" },
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "spikeformer-silo.dll"));
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return start;
    }

    public async Task<(int Status, string Text)> GetAsync(string path)
    {
        using var http = new HttpClient();
        using HttpResponseMessage answer = await http.GetAsync(Endpoints.Http + path);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public Task<ClusterClient> ConnectAsync() => ClusterClient.ConnectAsync(ClusterAddress.Parse(Endpoints.Gateway) with { ClusterId = Endpoints.ClusterId });

    public void CloseInput() => _process.StandardInput.Close();

    public void Signal(int signal)
    {
        using Process kill = Process.Start("kill", [string.Create(CultureInfo.InvariantCulture, $"-{signal}"), $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>SIGKILL: the process gets no chance to tidy up.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Waits until the process has ended, at most a minute.</summary>
    public (int ExitCode, string Output, string Error) Finish()
    {
        if (!_process.WaitForExit(TimeSpan.FromMinutes(1))) Assert.Fail("The silo did not end within a minute.");
        return (_process.ExitCode, _output.Result, _error.Result);
    }

    public void Dispose()
    {
        if (!_process.HasExited) Kill();
        _process.Dispose();
        _folder.Dispose();
    }
}
