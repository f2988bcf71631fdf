using System.CommandLine.Completions;

namespace Spikeformer.Cli.Shell;

/// <summary>The arguments and options by which verbs name a recipe.</summary>
internal static class RecipeOptions
{
    /// <summary>One recipe or several, by name or file.</summary>
    public static Argument<T> Argument<T>(ArgumentArity arity)
    {
        var argument = new Argument<T>("recipe")
        {
            Description = "Name of a built-in recipe, or a file (its path has a slash or ends with .json)", Arity = arity,
        };
        argument.CompletionSources.Add(_ => RecipeCatalogue.Names.Select(name => new CompletionItem(name)));
        return argument;
    }

    /// <summary>The options of a verb that reads the data of a recipe.</summary>
    public static (Option<string> Recipe, Option<string[]> Set, Option<string?> Data) OfData()
    {
        Option<string> recipe = RunOptions.Recipe();
        recipe.Description = "Recipe that defines how to read the data";
        return (recipe, Set(), RunOptions.Data());
    }

    /// <summary><c>--set KEY=VALUE</c>, repeatable.</summary>
    public static Option<string[]> Set() => new("--set")
    {
        Description = "Change a field of the recipe, for example --set schedule.0.base=1e-4; repeatable",
        HelpName = "KEY=VALUE",
        Arity = ArgumentArity.ZeroOrMore,
        AllowMultipleArgumentsPerToken = false,
    };
}
