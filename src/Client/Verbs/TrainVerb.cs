using System.CommandLine;
using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.Client;

/// <summary><c>train</c> and <c>resume</c>: a run in the foreground. The first Ctrl-C saves a checkpoint and ends it, the second aborts.</summary>
internal static class TrainVerb
{
    public static Command CreateTrain(Interruption interruption)
    {
        var recipe = new Option<string>("--recipe") { Description = "Name of a recipe, or a file", HelpName = "NAME|FILE", Required = true };
        recipe.CompletionSources.Add([.. RecipeCatalogue.Names]);
        Option<string[]> set = RecipeOptions.Set();
        Option<string?> data = RunOptions.Data(), @out = RunOptions.Out();
        Option<int?> every = RunOptions.CheckpointEvery();
        var command = new Command("train", "Train a recipe in the foreground") { recipe, set, data, @out, every };
        command.SetAction(parsed =>
        {
            Terminal terminal = CommandLine.TerminalOf(parsed);
            Recipe resolved = RecipeCatalogue.Load(parsed.GetRequiredValue(recipe), parsed.GetValue(set));
            var options = new LocalRunOptions
            {
                Run = resolved.Name,
                OutDirectory = parsed.GetValue(@out) ?? Path.Combine("runs", resolved.Name),
                DataPath = parsed.GetValue(data),
                CheckpointEvery = parsed.GetValue(every),
                Cache = new() { Warn = terminal.Say },
            };
            var follower = new RunFollower(terminal, TimeProvider.System);
            return RunReport.Show(terminal, LocalTrainer.Train(resolved, options, follower, TimeProvider.System, interruption.Token), interruption);
        });
        return command;
    }

    public static Command CreateResume(Interruption interruption)
    {
        Option<string?> data = RunOptions.Data(), @out = RunOptions.Out();
        @out.Required = true;
        Option<int?> every = RunOptions.CheckpointEvery();
        var command = new Command("resume", "Continue a run from its newest sound checkpoint") { @out, data, every };
        command.SetAction(parsed =>
        {
            Terminal terminal = CommandLine.TerminalOf(parsed);
            var options = new LocalRunOptions
            {
                Run = "",
                OutDirectory = parsed.GetValue(@out)!,
                DataPath = parsed.GetValue(data),
                CheckpointEvery = parsed.GetValue(every),
                Cache = new() { Warn = terminal.Say },
            };
            var follower = new RunFollower(terminal, TimeProvider.System);
            return RunReport.Show(terminal, LocalTrainer.Resume(options, follower, TimeProvider.System, interruption.Token), interruption);
        });
        return command;
    }
}
