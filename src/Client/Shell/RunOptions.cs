using System.CommandLine;
using Spikeformer.Contracts;
using Spikeformer.ObjectStore;
using Spikeformer.Training;

namespace Spikeformer.Client;

/// <summary>Options of a run; but for the recipe none changes its result.</summary>
internal static class RunOptions
{
    public static Option<string> Recipe()
    {
        var recipe = new Option<string>("--recipe") { Description = "Name of a recipe, or a file", HelpName = "NAME|FILE", Required = true };
        recipe.CompletionSources.Add([.. RecipeCatalogue.Names]);
        return recipe;
    }

    public static Option<string?> Data() => new("--data") { Description = "Folder of the recordings or images", HelpName = "DIR" };

    public static Option<string?> Out() => new("--out") { Description = "Directory of the run (default runs/NAME)", HelpName = "DIR" };

    public static Option<int> Workers() => AtLeastOne(new Option<int>("--workers")
    {
        Description = "Worker processes (default: one per core, at most the recipe's shards)", HelpName = "N",
    });

    public static Option<int?> CheckpointEvery() => AtLeastOne(new Option<int?>("--checkpoint-every")
    {
        Description = "Steps between two checkpoints (default: one an epoch)", HelpName = "STEPS",
    });

    public static Option<string?> Checkpoints() => new("--checkpoints")
    {
        Description = "Where checkpoints go, as the workers see it (default: the silos' setting, else checkpoints in --out)", HelpName = "s3://BUCKET/PREFIX|DIR",
    };

    public static Option<string[]> Override() => new("--override")
    {
        Description = "What may differ from the run's beginning, such as schedule or dataHash; the result becomes another one, noted as a new lineage",
        HelpName = "NAME[,…]", Arity = ArgumentArity.ZeroOrMore, AllowMultipleArgumentsPerToken = false,
    };

    /// <summary>What is to be started. Paths become absolute: the workers stand elsewhere.</summary>
    public static RunSpec Spec(Recipe recipe, string? data, string? @out, int workers, int? checkpointEvery, string? checkpoints)
    {
        RunSpec spec = RunSpecs.Of(recipe);
        return spec with
        {
            DataPath = data is null ? null : Path.GetFullPath(data),
            OutDirectory = @out is null ? spec.OutDirectory : Path.GetFullPath(@out),
            Workers = workers,
            CheckpointEvery = checkpointEvery,
            Checkpoints = checkpoints is null ? null : CheckpointPlaces.Normalized(checkpoints),
        };
    }

    private static Option<T> AtLeastOne<T>(Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<T>() is < 1) result.AddError($"{option.Name} must be at least 1.");
        });
        return option;
    }
}
