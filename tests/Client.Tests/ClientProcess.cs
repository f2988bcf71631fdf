using System.Diagnostics;
using System.Text.Json;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

/// <summary>The client program in its own process.</summary>
internal sealed class ClientProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output, _error;

    private ClientProcess(Process process)
    {
        _process = process;
        (_output, _error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public static ClientProcess Start(params string[] arguments) => Start([], arguments);

    /// <summary>Starts a command with environment variables, which its child processes inherit.</summary>
    public static ClientProcess Start(Dictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet")
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
            Environment = { [EmbeddedCluster.ProgramVariable] = TestData.Program("src/Silo", "spikeformer-silo.dll") },
        };
        start.ArgumentList.Add(TestData.Program("src/Client/Cli", "spikeformer.dll"));
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        return new ClientProcess(Process.Start(start)!);
    }

    /// <summary>Runs a command to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using ClientProcess client = Start(arguments);
        return client.Finish();
    }

    /// <summary>Runs a command to its end with its own cache.</summary>
    public static (int ExitCode, string Output, string Error) RunWith(string cache, params string[] arguments)
    {
        using ClientProcess client = Start(new() { ["XDG_CACHE_HOME"] = cache }, arguments);
        return client.Finish();
    }

    /// <summary>Runs a command that must succeed and prints one JSON object.</summary>
    public static JsonElement RunJson(params string[] arguments)
    {
        (int exitCode, string output, string error) = Run([.. arguments, "--json"]);
        Assert.True(exitCode == 0, $"exit code {exitCode} of '{string.Join(' ', arguments)}': {error}");
        return JsonDocument.Parse(output).RootElement;
    }

    public (int ExitCode, string Output, string Error) Finish()
    {
        _process.WaitForExit();
        return (_process.ExitCode, _output.Result, _error.Result);
    }

    /// <summary>SIGKILL: the process cannot clean up.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Signal(int signal) => Signal(Id, signal);

    public static void Signal(int process, int signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{process}"]);
        kill.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited) Kill();
        _process.Dispose();
    }
}
