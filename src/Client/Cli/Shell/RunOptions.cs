using Spikeformer.Client;

namespace Spikeformer.Cli.Shell;

/// <summary>The options of a run. Only the recipe and the initial weights change its result.</summary>
internal static class RunOptions
{
    public static Option<string> Recipe()
    {
        var recipe = new Option<string>("--recipe") { Description = "Name of a built-in recipe, or a file", HelpName = "NAME|FILE", Required = true };
        recipe.CompletionSources.Add([.. RecipeCatalogue.Names]);
        return recipe;
    }

    public static Option<string?> Data() => new("--data") { Description = "Folder of the recordings or images", HelpName = "DIR" };

    public static Option<string?> Out() => new("--out") { Description = "Directory of the run (default: runs/NAME)", HelpName = "DIR" };

    public static Option<string?> OutOfRun(bool isRequired = true) => new("--out") { Description = "Directory of the run", HelpName = "DIR", Required = isRequired };

    public static Option<int> Workers() => AtLeastOne(new Option<int>("--workers")
    {
        Description = "Number of workers (default: one per core, at most the number of shards)", HelpName = "N",
    });

    public static Option<int> MinWorkers() => AtLeastOne(new Option<int>("--min-workers")
    {
        Description = "Minimum number of workers; with fewer the run waits (default: 1)", HelpName = "N",
    });

    public static Option<string?> Cache() => new("--cache")
    {
        Description = "Folder for decoded frames as the workers see it (default: ~/.cache/spikeformer)", HelpName = "DIR",
    };

    public static Option<int?> CheckpointEvery() => AtLeastOne(new Option<int?>("--checkpoint-every")
    {
        Description = "Steps between two checkpoints (default: the steps of an epoch)", HelpName = "STEPS",
    });

    public static Option<string?> InitFrom() => new("--init-from")
    {
        Description = "Initial weights: a run directory, the folder of a checkpoint, a file that 'export' has written, or a .pth file; the optimizer starts fresh",
        HelpName = "DIR|FILE",
    };

    public static Option<int> StartEpoch() => new("--start-epoch")
    {
        Description = "First epoch for the weights of --init-from, counted from 0; sets the learning rate and the order of the samples", HelpName = "N",
    };

    public static Option<string?> Checkpoints() => new("--checkpoints")
    {
        Description = "Place of the checkpoints as the workers see it (default: the setting of the silos, else the folder checkpoints in --out)", HelpName = "s3://BUCKET/PREFIX|DIR",
    };

    public static Option<string[]> Override() => new("--override")
    {
        Description = "Names of differences to allow, such as schedule or dataHash; they change the result, which is recorded as a new lineage",
        HelpName = "NAME[,…]", Arity = ArgumentArity.ZeroOrMore, AllowMultipleArgumentsPerToken = false,
    };

    /// <summary>Returns the run to start, with absolute paths: workers have other working directories.</summary>
    public static RunSpec Spec(
        Recipe recipe, string? data, string? @out, int workers, int minWorkers, int? checkpointEvery, string? initFrom, int startEpoch, string? checkpoints,
        string? cache)
    {
        RunOrigin.Check(initFrom, startEpoch, recipe.Epochs);
        return RunSpecs.Of(recipe).With(null, data, @out, workers, minWorkers, checkpointEvery ?? 0, initFrom, startEpoch, checkpoints, cache);
    }

    /// <summary>Refuses numbers below 1. A text that is not a number already has an error.</summary>
    public static Option<T> AtLeastOne<T>(Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, out int number) && number < 1) result.AddError($"{option.Name} must be at least 1.");
        });
        return option;
    }
}
