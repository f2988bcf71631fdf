using Spikeformer.Checkpoints;
using Spikeformer.Cli.Evaluations;
using Spikeformer.Cli.Sources;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.Training;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>evaluate</c>: measures accuracy, confusions, firing rates, operations and energy of a checkpoint or of exported weights.</summary>
internal static class EvaluateVerb
{
    public static Command Create(Interruption interruption)
    {
        Option<string?> data = RunOptions.Data(), @out = RunOptions.OutOfRun(isRequired: false);
        Option<long?> step = RunCheckpoints.StepOption();
        var weights = new Option<string?>("--weights") { Description = "File that 'export' or torch.save has written, instead of a run", HelpName = "FILE" };
        Option<string> recipe = RunOptions.Recipe();
        (recipe.Required, recipe.Description) = (false, "Recipe of weights from torch.save: name of a built-in recipe, or a file");
        Option<string[]> set = RecipeOptions.Set();
        var split = new Option<Split>("--split") { Description = "Split of the data: train or test", DefaultValueFactory = _ => Split.Test };
        var command = new Command("evaluate", "Measure accuracy, confusions, firing rates and energy of a checkpoint (default: the best)")
        {
            @out, weights, recipe, set, data, step, split,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(@out) is null == result.GetResult(weights) is null) result.AddError("Give either --out or --weights.");
            else if (result.GetResult(weights) is not null && result.GetResult(step) is not null) result.AddError("--step chooses among the checkpoints of --out.");
            else if (result.GetResult(@out) is not null && (result.GetResult(recipe) ?? result.GetResult(set)) is { Implicit: false })
                result.AddError("--recipe and --set are for --weights; a run holds its recipe.");
        });
        command.SetAction(parsed =>
        {
            Recipe? given = parsed.GetValue(recipe) is { } name ? RecipeCatalogue.Load(name, parsed.GetValue(set)) : null;
            WeightSource source = parsed.GetValue(weights) is { } file
                ? WeightSource.OfFile(file, given)
                : WeightSource.OfRun(new RunDirectory(parsed.GetValue(@out)!), parsed.GetValue(step));
            Terminal terminal = Terminal.Of(parsed);
            Run(terminal, source, parsed.GetValue(data), parsed.GetValue(split), interruption.Token).Show(terminal);
            return 0;
        });
        return command;
    }

    private static EvaluationReport Run(Terminal terminal, WeightSource source, string? dataPath, Split split, CancellationToken cancellation)
    {
        Recipe recipe = source.Recipe;
        LibTorch.UseOnThisThread(recipe.Threads);
        using IDataset found = DatasetCatalogue.Open(recipe.Data, dataPath ?? source.DataPath, new() { Warn = terminal.Say });
        IDataset dataset = source.ClassNames is { } classes ? RelabelledDataset.Of(found, classes) : found;
        var network = new SpikeformerNetwork(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        using var state = new TrainingState(network, recipe);
        state.RestoreNetwork(CheckpointExport.Match(source.Tensors, TrainingState.NetworkSpecs(network.Layout), source.Name).ToDictionary(tensor => tensor.Name));
        var details = new EvaluationDetails(dataset.ClassNames.Count);
        EvaluationResult result = Evaluation.Run(network, state.Parameters, state.Running, dataset, split, recipe, cancellation, details);
        return new(source, dataset.ClassNames, split.ToString().ToLowerInvariant(), result, details.Confusion, OperationCounts.Of(network.Options, details.Activity));
    }
}
