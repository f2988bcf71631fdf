using System.CommandLine;
using System.CommandLine.Completions;
using Spikeformer.Recipes;

namespace Spikeformer.Cli.Shell;

/// <summary>How verbs name a recipe on the command line.</summary>
internal static class RecipeOptions
{
    /// <summary>A recipe, or several, by name or file.</summary>
    public static Argument<T> Argument<T>(ArgumentArity arity)
    {
        var argument = new Argument<T>("recipe")
        {
            Description = "Name of a recipe, or a file (with a slash in its path, or ending with .json)", Arity = arity,
        };
        argument.CompletionSources.Add(_ => RecipeCatalogue.Names.Select(name => new CompletionItem(name)));
        return argument;
    }

    /// <summary>The options of a verb that reads data as a recipe says.</summary>
    public static (Option<string> Recipe, Option<string[]> Set, Option<string?> Data) OfData()
    {
        Option<string> recipe = RunOptions.Recipe();
        recipe.Description = "Recipe that says how to read the data";
        return (recipe, Set(), RunOptions.Data());
    }

    /// <summary><c>--set KEY=VALUE</c>, any number of times.</summary>
    public static Option<string[]> Set() => new("--set")
    {
        Description = "Change a field, for example --set schedule.0.base=1e-4; repeat for more",
        HelpName = "KEY=VALUE",
        Arity = ArgumentArity.ZeroOrMore,
        AllowMultipleArgumentsPerToken = false,
    };
}
