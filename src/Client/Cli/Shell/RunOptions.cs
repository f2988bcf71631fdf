using System.CommandLine;
using Spikeformer.Client;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.Runs;

namespace Spikeformer.Cli.Shell;

/// <summary>Options of a run; but for the recipe and the weights to begin with none changes its result.</summary>
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

    public static Option<int> MinWorkers() => AtLeastOne(new Option<int>("--min-workers")
    {
        Description = "Wait while there are fewer workers than this (default: 1)", HelpName = "N",
    });

    public static Option<string?> Cache() => new("--cache")
    {
        Description = "Folder for decoded frames as the workers see it (default: ~/.cache/spikeformer)", HelpName = "DIR",
    };

    public static Option<int?> CheckpointEvery() => AtLeastOne(new Option<int?>("--checkpoint-every")
    {
        Description = "Steps between two checkpoints (default: one an epoch)", HelpName = "STEPS",
    });

    public static Option<string?> InitFrom() => new("--init-from")
    {
        Description = "Begin with the weights of another training, with a fresh optimizer: a run directory, a checkpoint's folder, a file of 'export', or a .pth file",
        HelpName = "DIR|FILE",
    };

    public static Option<int> StartEpoch() => new("--start-epoch")
    {
        Description = "Epoch, from 0, that weights of --init-from begin in; learning rate and order of the samples are that epoch's", HelpName = "N",
    };

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
    public static RunSpec Spec(
        Recipe recipe, string? data, string? @out, int workers, int minWorkers, int? checkpointEvery, string? initFrom, int startEpoch, string? checkpoints,
        string? cache)
    {
        RunOrigin.Check(initFrom, startEpoch, recipe.Epochs);
        return RunSpecs.Of(recipe).With(null, data, @out, workers, minWorkers, checkpointEvery ?? 0, initFrom, startEpoch, checkpoints, cache);
    }

    /// <summary>Refuses numbers below 1. A text that is no number has an error already.</summary>
    public static Option<T> AtLeastOne<T>(Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, out int number) && number < 1) result.AddError($"{option.Name} must be at least 1.");
        });
        return option;
    }
}
