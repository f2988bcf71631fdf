using System.CommandLine;
using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.Client;

/// <summary><c>demo</c>: the recipe <c>demo</c> from nothing but this program: synthetic recordings, training, evaluation, a table.</summary>
internal static class DemoVerb
{
    public static Command Create(Interruption interruption)
    {
        Option<string?> @out = RunOptions.Out();
        var command = new Command("demo", "Train a small network on synthetic recordings in about a minute; needs no data") { @out };
        command.SetAction(parsed =>
        {
            Terminal terminal = CommandLine.TerminalOf(parsed);
            string? chosen = parsed.GetValue(@out);
            string directory = chosen ?? Directory.CreateTempSubdirectory("spikeformer-demo-").FullName;
            try
            {
                var options = new LocalRunOptions { Run = "demo", OutDirectory = directory, Cache = new() { Warn = terminal.Say } };
                terminal.Say("Training a small Spikeformer on 11 moving gestures from a synthetic event camera.");
                RunSummary run = LocalTrainer.Train(
                    RecipeCatalogue.Load("demo"), options, new RunFollower(terminal, TimeProvider.System), TimeProvider.System, interruption.Token);
                return RunReport.Show(terminal, chosen is null ? run with { Checkpoint = null } : run, interruption);
            }
            finally
            {
                if (chosen is null) Directory.Delete(directory, recursive: true);
            }
        });
        return command;
    }
}
