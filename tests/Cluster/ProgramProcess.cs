using System.Diagnostics;
using System.Text.Json;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster;

/// <summary>A program of the solution in its own process: the CLI or the F# sample.</summary>
internal sealed class ProgramProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output, _error;

    private ProgramProcess(string project, string assembly, string[] arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet")
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.ArgumentList.Add(TestData.Program(project, assembly));
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        _process = Process.Start(start)!;
        (_output, _error) = (_process.StandardOutput.ReadToEndAsync(), _process.StandardError.ReadToEndAsync());
    }

    /// <summary>Starts the CLI.</summary>
    public static ProgramProcess StartCli(params string[] arguments) => new("src/Client/Cli", "spikeformer.dll", arguments);

    /// <summary>Starts the F# sample.</summary>
    public static ProgramProcess StartFSharp(params string[] arguments) => new("samples/FSharp", "Spikeformer.Samples.FSharp.dll", arguments);

    /// <summary>Starts the F# sample with environment variables.</summary>
    public static ProgramProcess StartFSharp(IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        new("samples/FSharp", "Spikeformer.Samples.FSharp.dll", arguments, environment);

    /// <summary>Runs a command of the CLI that must succeed.</summary>
    /// <returns>The JSON objects that it prints, one per line or one in all.</returns>
    public static JsonElement[] Cli(params string[] arguments) => Cli(new Dictionary<string, string>(), arguments);

    /// <summary>Runs a command of the CLI that must succeed, with environment variables.</summary>
    public static JsonElement[] Cli(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        using var cli = new ProgramProcess("src/Client/Cli", "spikeformer.dll", [.. arguments, "--json"], environment);
        return cli.FinishJson();
    }

    /// <summary>Waits for a command that must succeed.</summary>
    /// <returns>What it printed.</returns>
    public string Finish()
    {
        (int exitCode, string output, string error) = FinishAnyhow();
        Assert.True(exitCode == 0, $"exit code {exitCode}: {error}");
        return output;
    }

    /// <summary>Waits for a command that may fail.</summary>
    public (int ExitCode, string Output, string Error) FinishAnyhow()
    {
        if (!_process.WaitForExit(TimeSpan.FromMinutes(5))) Assert.Fail("The program did not end within five minutes.");
        return (_process.ExitCode, _output.Result, _error.Result);
    }

    /// <summary>Waits for a command that must succeed and parses its output as JSON.</summary>
    public JsonElement[] FinishJson()
    {
        var reader = new Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(Finish()), new JsonReaderOptions { AllowMultipleValues = true });
        var objects = new List<JsonElement>();
        while (reader.Read()) objects.Add(JsonElement.ParseValue(ref reader));
        return [.. objects];
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.Dispose();
    }
}
