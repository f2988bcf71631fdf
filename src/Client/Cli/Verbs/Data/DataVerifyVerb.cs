using Spikeformer.Data;
using Spikeformer.Data.Datasets;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data verify</c>: reads every sample, compares archives with the published sums, and names damaged files. The verbs below it check
/// data sets in their own way.</summary>
internal static class DataVerifyVerb
{
    public static Command Create(Interruption interruption)
    {
        Command command = ReadAll(interruption);
        foreach (Command kind in Kinds(interruption)) command.Add(kind);
        return command;
    }

    /// <summary>The data sets with their own check, in the order of the help page.</summary>
    private static Command[] Kinds(Interruption interruption) => [VerifyImageFolder.Create(interruption)];

    private static Command ReadAll(Interruption interruption)
    {
        (Option<string> recipe, Option<string[]> set, Option<string?> data) = RecipeOptions.OfData();
        var command = new Command("verify", "Read every sample of a data set and name damaged files; exit with 6 if there is one") { recipe, set, data };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            DataRecipe resolved = RecipeCatalogue.Load(parsed.GetRequiredValue(recipe), parsed.GetValue(set)).Data;
            string? folder = parsed.GetValue(data);
            int sums = folder is null ? 0 : DatasetPreparation.CheckSums(resolved.Kind, folder, new() { Say = terminal.Say }, interruption.Token);
            using IDataset dataset = DatasetCatalogue.OpenUncached(resolved, folder, terminal.Say);
            IReadOnlyList<string> problems = DatasetVerification.Problems(dataset, interruption.Token);
            (int train, int test) = (dataset.Count(Split.Train), dataset.Count(Split.Test));
            if (terminal.Json)
                terminal.PrintJson(new
                {
                    SchemaVersion = 1, Data = dataset.Name, dataset.ContentHash, TrainSamples = train, TestSamples = test, PublishedArchives = sums,
                    Problems = problems,
                });
            else
            {
                foreach (string problem in problems) terminal.Print(problem);
                terminal.Print($"{dataset.Name}: {train} training and {test} test samples, {problems.Count} damaged; {sums} archives match the published sums.");
            }
            return problems.Count == 0 ? 0 : (int)ErrorKind.CheckFailed;
        });
        return command;
    }
}
