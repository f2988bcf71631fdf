using System.CommandLine;
using Spikeformer.Cli.Shell;
using Spikeformer.Data.Datasets;
using Spikeformer.Recipes;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data prepare dvs-gesture|dvs-cifar10|nmnist</c>: from downloaded recordings to a folder that trains at once.</summary>
internal static class PrepareRecordings
{
    /// <summary>The verb of a kind; the recipe of the same name says how recordings become frames.</summary>
    public static Command Create(DataKind kind, string name, string what, Interruption interruption)
    {
        var source = new Option<string>("--source") { Description = "Folder of the downloaded archives or recordings", HelpName = "DIR", Required = true };
        var output = new Option<string>("--out") { Description = "Folder of the result, for --data", HelpName = "DIR", Required = true };
        var recipe = new Option<string>("--recipe") { Description = $"Recipe whose frames are made (default {name})", HelpName = "NAME|FILE", DefaultValueFactory = _ => name };
        Option<string[]> set = RecipeOptions.Set();
        var threads = new Option<int>("--threads")
        {
            Description = "Recordings decoded at once (default: one per core)", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        threads.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1) result.AddError("--threads must be at least 1.");
        });
        var noSums = new Option<bool>("--no-checksums") { Description = "Take archives that differ from the published ones" };
        var command = new Command(name, $"Turn {what} into frames that workers map; goes on where it was interrupted")
        {
            source, output, recipe, set, threads, noSums,
        };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            DataRecipe data = RecipeCatalogue.Load(parsed.GetRequiredValue(recipe), parsed.GetValue(set)).Data;
            if (data.Kind != kind)
                throw new SpikeformerException(ErrorKind.Usage, $"recipe {parsed.GetValue(recipe)} is not for {name}", "Give a recipe of this kind");
            var progress = new PrepareProgress(terminal, TimeProvider.System);
            PreparedData prepared = DatasetPreparation.Run(data, parsed.GetRequiredValue(source), parsed.GetRequiredValue(output),
                new()
                {
                    Threads = parsed.GetValue(threads), CheckSums = !parsed.GetValue(noSums), Say = terminal.Say, Progress = progress.Show,
                }, interruption.Token);
            if (terminal.Json)
                terminal.PrintJson(new { SchemaVersion = 1, Data = name, prepared.ContentHash, prepared.TrainSamples, prepared.TestSamples, prepared.Store });
            else
                terminal.Print($"{name}: {prepared.TrainSamples} training and {prepared.TestSamples} test samples in {prepared.Store}.");
            return 0;
        });
        return command;
    }
}
