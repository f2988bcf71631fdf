using System.Diagnostics;
using System.Globalization;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

public sealed class MemoryTests
{
    [Fact]
    public void Resident_memory_is_flat_over_five_thousand_steps()
    {
        TestData.RequireLong();
        using var folder = new RunFolder();
        // Tiered compilation recompiles code after thousands of calls, which allocates megabytes at any time. Without it, all code is compiled once.
        using ClientProcess client = ClientProcess.Start(
            new Dictionary<string, string> { ["DOTNET_TieredCompilation"] = "0" },
            "train", "--recipe", "demo", "--set", "data.canvas=[16,16]", "--set", "data.trainSamples=330", "--set", "data.testSamples=11",
            "--set", "model.width=32", "--set", "model.heads=2", "--set", "batch=2", "--set", "shards=2", "--set", "epochs=31",
            "--checkpoint-every", "1000", "--workers", "1", "--out", folder.Path);
        // The minimum over a period: uncollected memory comes and goes, a leak stays.
        long early = long.MaxValue, late = long.MaxValue;
        int? worker = null;
        while (!client.HasExited)
        {
            Thread.Sleep(50); // A sampling interval, not a synchronisation.
            worker ??= WorkerOf(folder);
            long step = LastStep(folder), resident = worker is { } process ? Resident(process) : 0;
            if (resident > 0 && step is >= 2000 and < 2500) early = Math.Min(early, resident);
            if (resident > 0 && step is >= 4500 and < 5000) late = Math.Min(late, resident);
        }
        (int exitCode, _, string error) = client.Finish();

        Assert.True(exitCode == 0, error);
        Assert.True(LastStep(folder) >= 5000);
        Assert.True(early < long.MaxValue && late < long.MaxValue, "the run was too fast to be watched");
        Assert.True(late < early * 1.02, $"resident memory grew from {early} KiB at step 2000 to {late} KiB at step 5000");
    }

    /// <summary>The process that trains: it holds the lock of the run, and the first line of the file is its id.</summary>
    private static int? WorkerOf(RunFolder folder)
    {
        string path = Path.Combine(folder.Path, "run.lock");
        if (!File.Exists(path)) return null;
        // .NET locks a file to read it, which the lock of the owner prevents.
        using Process cat = Process.Start(new ProcessStartInfo("cat", [path]) { RedirectStandardOutput = true })!;
        return int.TryParse(cat.StandardOutput.ReadToEnd().Split('\n')[0], CultureInfo.InvariantCulture, out int worker) ? worker : null;
    }

    private static long LastStep(RunFolder folder)
    {
        string path = Path.Combine(folder.Path, "steps.jsonl");
        return File.Exists(path) ? File.ReadLines(path).Count() : 0;
    }

    private static long Resident(int process)
    {
        try
        {
            string line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)) ?? "";
            return long.Parse(line.Replace("VmRSS:", "").Replace("kB", "").Trim(), CultureInfo.InvariantCulture);
        }
        catch (Exception gone) when (gone is IOException or FormatException)
        {
            return 0;
        }
    }
}
