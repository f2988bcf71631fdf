using System.Diagnostics;
using Spikeformer.Devices;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

/// <summary>The launcher script in its own tree, with a stand-in for <c>dotnet</c> that records its calls.</summary>
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class LauncherTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("spikeformer-launcher-").FullName;

    public LauncherTests()
    {
        foreach (string folder in new[] { "src/Client/Cli", "src/Model", "build", "bin", "elsewhere" }) Directory.CreateDirectory(At(folder));
        foreach (string file in new[] { "Directory.Build.props", "global.json", "src/Model/A.cs" }) File.WriteAllText(At(file), "");
        File.Copy(Path.Combine(TestData.RepositoryRoot, "spikeformer"), At("spikeformer"));
        Script(At("bin/dotnet"), """
            #!/usr/bin/env bash
            if [[ "$1" == build ]]; then
                echo "a build message"
                [[ -e "$ROOT/broken" ]] && exit 1
                echo build >>"$ROOT/calls"
                mkdir -p "$ROOT/src/Client/Cli/bin/Release/net10.0/linux-x64"
                touch "$ROOT/src/Client/Cli/bin/Release/net10.0/linux-x64/spikeformer.dll"
                mkdir -p "$ROOT/src/Silo/bin/Release/net10.0/linux-x64"
                touch "$ROOT/src/Silo/bin/Release/net10.0/linux-x64/spikeformer-silo.dll"
            else
                echo "run ${@:2} | $MALLOC_MMAP_THRESHOLD_ $MALLOC_TRIM_THRESHOLD_ $GLIBC_TUNABLES $OMP_WAIT_POLICY" >>"$ROOT/calls"
                exit 7
            fi
            """);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task FirstCall_BuildsThenRunsWithArgumentsAndEnvironment()
    {
        (int code, string output, string error) = await Run(At("spikeformer"), ["recipe", "show me"]);
        Assert.Equal((7, ""), (code, output));
        Assert.Equal("spikeformer: building (first use, or the sources have changed)\n", error);
        Assert.Equal(["build", "run recipe show me | 4000000000 8000000000 glibc.malloc.hugetlb=1 passive"], Calls);
    }

    [Fact]
    public async Task SecondCall_NothingChanged_RunsWithoutABuild()
    {
        await Run(At("spikeformer"), []);
        (_, _, string error) = await Run(At("spikeformer"), []);
        Assert.Equal("", error);
        Assert.Equal(["build", "run", "run"], Calls.Select(call => call.Split(' ')[0]));
    }

    [Theory]
    [InlineData("src/Model/A.cs")]
    [InlineData("src/Model/New.json")]
    [InlineData("Directory.Build.props")]
    public async Task SourceChanged_BuildsAgain(string file)
    {
        await Run(At("spikeformer"), []);
        File.WriteAllText(At(file), "changed");
        File.SetLastWriteTimeUtc(At(file), File.GetLastWriteTimeUtc(At("src/Client/Cli/obj/launcher.cpu.stamp")).AddSeconds(1));
        await Run(At("spikeformer"), []);
        Assert.Equal(["build", "run", "build", "run"], Calls.Select(call => call.Split(' ')[0]));
    }

    [Fact]
    public async Task BuildFails_ShowsItsOutputAndRunsNothing()
    {
        File.WriteAllText(At("broken"), "");
        (int code, string output, string error) = await Run(At("spikeformer"), []);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains("a build message\nspikeformer: the build failed; see above\n", error);
        Assert.False(File.Exists(At("calls")));
        File.Delete(At("broken"));
        Assert.Equal(7, (await Run(At("spikeformer"), [])).Code);
    }

    [Fact]
    public async Task CalledThroughALinkFromElsewhere_FindsItsTree()
    {
        File.CreateSymbolicLink(At("elsewhere/sf"), At("spikeformer"));
        Assert.Equal(7, (await Run("./sf", [], At("elsewhere"))).Code);
    }

    [Fact]
    public async Task EnvironmentAlreadySet_IsKept()
    {
        await Run(At("spikeformer"), [], environment: ("OMP_WAIT_POLICY", "active"));
        string[] worker = [.. ComputeEnvironment.Variables.Select(variable => variable.Value)];
        Assert.Equal($"run  | {string.Join(' ', worker[..^1])} active", Calls[1]);
    }

    private string[] Calls => File.ReadAllLines(At("calls"));

    private string At(string path) => Path.Combine(_root, path);

    private static void Script(string path, string text)
    {
        File.WriteAllText(path, text);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private async Task<(int Code, string Output, string Error)> Run(string file, string[] args, string? folder = null,
        (string Name, string Value)? environment = null)
    {
        // Through bash: starting a new script can fail with "text file busy" because of a fork of another test.
        var start = new ProcessStartInfo("bash", [file, .. args])
        {
            WorkingDirectory = folder ?? _root, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (string name in new[] { "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "OMP_WAIT_POLICY" })
            start.Environment.Remove(name);
        start.Environment["PATH"] = $"{At("bin")}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["ROOT"] = _root;
        if (environment is { } variable) start.Environment[variable.Name] = variable.Value;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await error);
    }
}
