using System.Diagnostics;
using Spikeformer.Client;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>demo</c>: trains the recipe <c>demo</c> on synthetic recordings with several workers, one of which is killed, and evaluates it. Then
/// trains it again undisturbed, with one worker, and compares the digests.</summary>
internal static class DemoVerb
{
    /// <summary>The step at which a worker is killed, and the last step that is compared.</summary>
    private const int KillStep = 60, CompareSteps = 110;

    public static Command Create(Interruption interruption)
    {
        Option<string?> @out = RunOptions.Out();
        Option<int> workers = RunOptions.Workers();
        var command = new Command("demo", "Train a small network on synthetic recordings, kill a worker, and compare with an undisturbed run") { @out, workers };
        command.SetAction(async (parsed, _) =>
        {
            Terminal terminal = Terminal.Of(parsed);
            string? chosen = parsed.GetValue(@out);
            string directory = Path.GetFullPath(chosen ?? Directory.CreateTempSubdirectory("spikeformer-demo-").FullName);
            string undisturbed = Directory.CreateTempSubdirectory("spikeformer-demo-").FullName;
            try
            {
                terminal.Say("Training a small Spikeformer on 11 moving gestures from a synthetic event camera. One of its workers will be killed.");
                RunSpec spec = RunSpecs.OfRecipe("demo") with { OutDirectory = directory, Workers = parsed.GetValue(workers) };
                RunStatus run = await EmbeddedRun.TrainAsync(terminal, spec, interruption, new Killer(terminal).ReactAsync);
                bool? isSame = run.State is RunState.Completed ? await IsUndisturbedAsync(terminal, spec with { OutDirectory = undisturbed, Workers = 1 }, directory, interruption) : null;
                if (chosen is null && run.Outcome is { } outcome) run = run with { Outcome = outcome with { Checkpoint = null } };
                int exitCode = RunReport.Show(terminal, run, interruption);
                return isSame is false ? (int)ErrorKind.CheckFailed : exitCode;
            }
            finally
            {
                Directory.Delete(undisturbed, recursive: true);
                if (chosen is null) Directory.Delete(directory, recursive: true);
            }
        });
        return command;
    }

    /// <summary>Trains the first steps again, undisturbed, and compares all digests.</summary>
    private static async Task<bool?> IsUndisturbedAsync(Terminal terminal, RunSpec spec, string disturbed, Interruption interruption)
    {
        terminal.Say($"Training the first {CompareSteps} steps again with one worker, undisturbed.");
        bool isStopping = false;
        await EmbeddedRun.TrainAsync(terminal, spec, interruption, async (cluster, news) =>
        {
            if (isStopping || news.Status.Step < CompareSteps) return;
            isStopping = true;
            await cluster.StopAsync(spec.Name);
        });
        IReadOnlyList<StepLine> expected = StepLog.Read(spec.OutDirectory), found = StepLog.Read(disturbed);
        if (expected.Count < CompareSteps) return null; // interrupted
        StepLine? other = expected.FirstOrDefault(line => found[(int)line.Step - 1].Digest != line.Digest);
        terminal.Say(other is null
            ? $"All {expected.Count} digests are equal, up to {expected[^1].Digest} at step {expected[^1].Step}: the loss of a worker changed no bit."
            : $"The digest of step {other.Step} is {other.Digest} undisturbed, but {found[(int)other.Step - 1].Digest} with a killed worker. This is a bug; please report it.");
        return other is null;
    }

    /// <summary>Kills the last worker of a run once, as an accident would.</summary>
    private sealed class Killer(Terminal terminal)
    {
        private bool _isDone;

        public async Task ReactAsync(SpikeformerCluster cluster, RunNews news)
        {
            if (_isDone || news.Status.Step < KillStep || RunStates.IsOver(news.Status.State)) return;
            _isDone = true;
            WorkerStatus victim = (await cluster.WorkersAsync())[^1];
            terminal.Say($"kill -9 {victim.Report.Info.ProcessId}: killing worker {victim.Report.Info.Worker} during step {news.Status.Step + 1}");
            using Process process = Process.GetProcessById(victim.Report.Info.ProcessId);
            process.Kill();
        }
    }
}
