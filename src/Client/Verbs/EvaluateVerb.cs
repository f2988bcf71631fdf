using System.CommandLine;
using Spectre.Console;
using Spikeformer.Checkpoints;
using Spikeformer.Data;
using Spikeformer.Network;
using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.Client;

/// <summary><c>evaluate</c>: accuracy of a run's checkpoint on a split of its data.</summary>
internal static class EvaluateVerb
{
    public static Command Create(Interruption interruption)
    {
        Option<string?> data = RunOptions.Data(), @out = RunOptions.Out();
        @out.Required = true;
        Option<long?> step = CheckpointVerb.StepOption();
        var split = new Option<Split>("--split") { Description = "train or test", DefaultValueFactory = _ => Split.Test };
        var command = new Command("evaluate", "Measure the accuracy of a checkpoint (the best one by default)") { @out, data, step, split };
        command.SetAction(parsed => Run(CommandLine.TerminalOf(parsed), parsed.GetValue(@out)!, parsed.GetValue(data), parsed.GetValue(step),
            parsed.GetValue(split), interruption.Token));
        return command;
    }

    private static int Run(Terminal terminal, string @out, string? dataPath, long? step, Split split, CancellationToken cancellation)
    {
        var directory = new RunDirectory(@out);
        RunDescription description = directory.ReadDescription();
        Recipe recipe = RunDirectory.RecipeOf(description);
        Checkpoint checkpoint = CheckpointVerb.Choose(directory, step);
        LibTorch.UseOnThisThread(recipe.Threads);
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, dataPath ?? description.DataPath, new() { Warn = terminal.Say });
        if (!dataset.ClassNames.SequenceEqual(description.ClassNames))
            throw new SpikeformerException(ErrorKind.Conflict,
                $"The data have the classes {string.Join(", ", dataset.ClassNames)}; the checkpoint was trained on {string.Join(", ", description.ClassNames)}",
                "Give the data set that the run was trained on with --data");
        var network = new SpikeformerNetwork(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        using var state = new TrainingState(network, recipe);
        state.Restore(checkpoint);
        EvaluationResult result = Evaluation.Run(network, state.Parameters, state.Running, dataset, split, recipe, cancellation);

        string name = split.ToString().ToLowerInvariant();
        if (terminal.Json)
            terminal.PrintJson(new
            {
                SchemaVersion = 1, description.Run, checkpoint.Info.Step, Split = name, result.Samples, result.Accuracy, Top5 = result.Top5Accuracy, result.Loss,
            });
        else
            terminal.Screen.Write(new Table().Border(TableBorder.Simple).AddColumns("run", Markup.Escape(description.Run))
                .AddRow("checkpoint", $"step {checkpoint.Info.Step}")
                .AddRow("split", $"{name}, {result.Samples} samples")
                .AddRow("accuracy", FormattableString.Invariant($"{result.Accuracy:0.0000} (top-5 {result.Top5Accuracy:0.0000})"))
                .AddRow("loss", FormattableString.Invariant($"{result.Loss:0.0000}")));
        return 0;
    }
}
