using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Data.Frames;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data prepare</c>: decodes recordings into the frame cache. The verbs below it convert downloaded data sets.</summary>
internal static class DataPrepareVerb
{
    public static Command Create(Interruption interruption)
    {
        Command command = DecodeIntoCache();
        foreach (Command kind in Kinds(interruption)) command.Add(kind);
        return command;
    }

    /// <summary>The data sets that can be converted, in the order of the help page.</summary>
    private static Command[] Kinds(Interruption interruption) =>
    [
        PrepareRecordings.Create(DataKind.DvsGesture, "dvs-gesture", "DVS128 Gesture", interruption),
        PrepareRecordings.Create(DataKind.DvsCifar10, "dvs-cifar10", "CIFAR10-DVS", interruption),
        PrepareRecordings.Create(DataKind.Nmnist, "nmnist", "N-MNIST", interruption),
        PrepareImageFolder.Create(interruption),
        PrepareImageNetVal.Create(interruption),
    ];

    private static Command DecodeIntoCache()
    {
        (Option<string> recipe, Option<string[]> set, Option<string?> data) = RecipeOptions.OfData();
        var command = new Command("prepare", "Decode recordings into the frame cache, so that runs start without delay") { recipe, set, data };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            bool warned = false;
            var cache = new FrameCacheOptions
            {
                Warn = message =>
                {
                    warned = true;
                    terminal.Say(message);
                },
            };
            Recipe resolved = RecipeCatalogue.Load(parsed.GetRequiredValue(recipe), parsed.GetValue(set));
            using IDataset dataset = DatasetCatalogue.Open(resolved.Data, parsed.GetValue(data), cache, terminal.Say);
            (int train, int test) = (dataset.Count(Split.Train), dataset.Count(Split.Test));
            if (terminal.Json)
                terminal.PrintJson(new { SchemaVersion = 1, Data = dataset.Name, dataset.ContentHash, TrainSamples = train, TestSamples = test, cache.ResolvedFolder });
            else terminal.Print($"{dataset.Name}: {train} training and {test} test samples, frames in {cache.ResolvedFolder}.");
            return warned ? (int)ErrorKind.Failed : 0;
        });
        return command;
    }
}
