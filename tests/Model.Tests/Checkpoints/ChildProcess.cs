using System.Diagnostics;
using System.Runtime.CompilerServices;
using Spikeformer.Checkpoints;
using Spikeformer.TestKit;

namespace Spikeformer.Model.Tests.Checkpoints;

/// <summary>A second process for tests that kill one: this test program itself, with its task in an environment variable.</summary>
internal static class ChildProcess
{
    private const string Variable = "SPIKEFORMER_TEST_CHILD";

    public static Process Start(string task, string folder)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, typeof(ChildProcess).Assembly.GetName().Name!))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { [Variable] = $"{task}:{folder}" },
        };
        return Process.Start(start)!;
    }

    // Runs before the test runner's Main.
    [ModuleInitializer]
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split(':', 2) is not [string task, string folder]) return;
        if (task == "hold-lock") HoldLock(folder);
        else SaveForever(folder, isTogether: task == "save-together");
        Environment.Exit(0);
    }

    private static void HoldLock(string folder)
    {
        using var held = RunLock.Acquire(folder);
        Console.WriteLine("held");
        Console.In.ReadToEnd();
    }

    private static void SaveForever(string folder, bool isTogether)
    {
        var store = new CheckpointStore(folder, States.SmallSlices);
        string[] writers = isTogether ? ["lead", "other"] : ["lead"];
        long first = (store.TryReadNewest().Checkpoint?.Info.Step ?? 0) + 1;
        // Ends by itself if it is not killed.
        for (long step = first; step < first + 300; step++)
        {
            Console.WriteLine($"saving {step}");
            CheckpointInfo info = States.Info(step) with { Generation = new(1, $"{Environment.ProcessId}") };
            StateTensor[] state = States.State(step);
            Thread? other = isTogether ? new(() => store.WriteShare(info, state, writers, 1)) : null;
            other?.Start();
            store.Save(info, state, writers: writers);
            other?.Join();
            Console.WriteLine($"saved {step}");
        }
    }
}
