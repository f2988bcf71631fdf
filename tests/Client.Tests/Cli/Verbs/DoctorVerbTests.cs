using System.Text.Json.Nodes;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Verbs;

public sealed class DoctorVerbTests
{
    [Fact]
    public async Task Doctor_Json_ReportsEveryCheckAndThatLibTorchComputes()
    {
        string folder = Directory.CreateTempSubdirectory("spikeformer-doctor-").FullName;
        try
        {
            Call call = await Call.Of("doctor", "--json", "--out", folder);
            JsonArray checks = call.Json["checks"]!.AsArray();
            Assert.Equal(["libtorch", "processor", "environment", "memory", "disk", "run folder", "frame cache"],
                checks.Select(check => check!["check"]!.GetValue<string>()));
            Assert.Equal("PASS", checks[0]!["verdict"]!.GetValue<string>());
            Assert.StartsWith("version 2.10.0, kernels for ", checks[0]!["found"]!.GetValue<string>());
            Assert.Equal("PASS", checks[5]!["verdict"]!.GetValue<string>());
            Assert.Equal(call.Json["healthy"]!.GetValue<bool>() ? 0 : 6, call.ExitCode);
            Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Doctor_RunFolderThatCannotBeMade_FailsAndExitsWith6()
    {
        // A pseudo file system refuses new files for every user, including root.
        Call call = await Call.Of("doctor", "--out", "/proc/spikeformer/runs");
        Assert.Equal(6, call.ExitCode);
        string line = Assert.Single(call.Output.Split('\n'), line => line.Contains("run folder"));
        Assert.Contains("FAIL", line);
        Assert.Contains("/proc/spikeformer/runs is not writable", line);
    }
}
