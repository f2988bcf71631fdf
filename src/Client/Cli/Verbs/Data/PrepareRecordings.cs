using Spikeformer.Data.Datasets;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data prepare dvs-gesture|dvs-cifar10|nmnist</c>: converts downloaded recordings to frames that workers map.</summary>
internal static class PrepareRecordings
{
    /// <summary>Returns the verb of a data set. The recipe of the same name defines its frames.</summary>
    public static Command Create(DataKind kind, string name, string dataset, Interruption interruption)
    {
        var source = new Option<string>("--source") { Description = "Folder of the downloaded archives or recordings", HelpName = "DIR", Required = true };
        var output = new Option<string>("--out") { Description = "Folder of the result; give it to --data later", HelpName = "DIR", Required = true };
        var recipe = new Option<string>("--recipe") { Description = "Recipe that defines the frames", HelpName = "NAME|FILE", DefaultValueFactory = _ => name };
        Option<string[]> set = RecipeOptions.Set();
        var threads = new Option<int>("--threads")
        {
            Description = "Recordings to decode at a time (default: one per core)", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        threads.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1) result.AddError("--threads must be at least 1.");
        });
        var noSums = new Option<bool>("--no-checksums") { Description = "Accept archives that differ from the published ones" };
        var command = new Command(name, $"Convert {dataset} to frames that workers map; continue an interrupted run")
        {
            source, output, recipe, set, threads, noSums,
        };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            DataRecipe data = RecipeCatalogue.Load(parsed.GetRequiredValue(recipe), parsed.GetValue(set)).Data;
            if (data.Kind != kind)
                throw new SpikeformerException(ErrorKind.Usage, $"The recipe {parsed.GetValue(recipe)} is not for {name}", $"Give a recipe whose data.kind is {name}");
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
