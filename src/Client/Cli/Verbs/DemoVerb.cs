using System.CommandLine;
using System.Diagnostics;
using Spikeformer.Cli.Shell;
using Spikeformer.Client;
using Spikeformer.Contracts;
using Spikeformer.Runs;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>demo</c>: the recipe <c>demo</c> from nothing but this program: synthetic recordings, training by several workers of which one is
/// killed on the way, evaluation, a table; then the same recipe with one worker and no accident, to compare the digests.</summary>
internal static class DemoVerb
{
    /// <summary>Committed steps when a worker is killed, and up to which the undisturbed run is compared.</summary>
    private const int KillStep = 60, CompareSteps = 110;

    public static Command Create(Interruption interruption)
    {
        Option<string?> @out = RunOptions.Out();
        Option<int> workers = RunOptions.Workers();
        var command = new Command("demo", "Train a small network on synthetic recordings, kill a worker, compare with an undisturbed run; needs no data") { @out, workers };
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

    /// <summary>Trains the first steps again, undisturbed, and compares digest by digest.</summary>
    private static async Task<bool?> IsUndisturbedAsync(Terminal terminal, RunSpec spec, string disturbed, Interruption interruption)
    {
        terminal.Say($"Now the first {CompareSteps} steps again with one worker and no accident.");
        bool isStopping = false;
        await EmbeddedRun.TrainAsync(terminal, spec, interruption, async (cluster, news) =>
        {
            if (isStopping || news.Status.Step < CompareSteps) return;
            isStopping = true;
            await cluster.StopAsync(spec.Name);
        });
        IReadOnlyList<StepLine> there = StepLog.Read(disturbed), here = StepLog.Read(spec.OutDirectory);
        if (here.Count < CompareSteps) return null; // interrupted
        StepLine? other = here.FirstOrDefault(line => there[(int)line.Step - 1].Digest != line.Digest);
        terminal.Say(other is null
            ? $"All {here.Count} digests are the same, up to {here[^1].Digest} at step {here[^1].Step}: the killed worker has changed no bit."
            : $"Step {other.Step} has digest {other.Digest} undisturbed, but {there[(int)other.Step - 1].Digest} with the killed worker: this is a fault of the program.");
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
            terminal.Say($"kill -9 {victim.Report.Info.ProcessId}: worker {victim.Report.Info.Worker}, in the middle of step {news.Status.Step + 1}");
            using Process process = Process.GetProcessById(victim.Report.Info.ProcessId);
            process.Kill();
        }
    }
}
