using System.CommandLine;
using Spikeformer.Contracts;

namespace Spikeformer.Client;

/// <summary><c>demo</c>: the recipe <c>demo</c> from nothing but this program: synthetic recordings, training, evaluation, a table.</summary>
internal static class DemoVerb
{
    public static Command Create(Interruption interruption)
    {
        Option<string?> @out = RunOptions.Out();
        Option<int> workers = RunOptions.Workers();
        var command = new Command("demo", "Train a small network on synthetic recordings in about a minute; needs no data") { @out, workers };
        command.SetAction(async (parsed, _) =>
        {
            Terminal terminal = CommandLine.TerminalOf(parsed);
            string? chosen = parsed.GetValue(@out);
            string directory = chosen ?? Directory.CreateTempSubdirectory("spikeformer-demo-").FullName;
            try
            {
                terminal.Say("Training a small Spikeformer on 11 moving gestures from a synthetic event camera.");
                RunSpec spec = RunSpecs.OfRecipe("demo") with { OutDirectory = Path.GetFullPath(directory), Workers = parsed.GetValue(workers) };
                RunStatus run = await EmbeddedRun.TrainAsync(terminal, spec, interruption);
                if (chosen is null && run.Outcome is { } outcome) run = run with { Outcome = outcome with { Checkpoint = null } };
                return RunReport.Show(terminal, run, interruption);
            }
            finally
            {
                if (chosen is null) Directory.Delete(directory, recursive: true);
            }
        });
        return command;
    }
}
