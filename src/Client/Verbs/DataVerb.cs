using System.CommandLine;
using Spikeformer.Training;

namespace Spikeformer.Client;

/// <summary><c>data</c>: looks at data sets and prepares them. Each verb below it, and each kind of <c>prepare</c>, has a file of its own.</summary>
internal static class DataVerb
{
    public static Command Create(Interruption interruption) => new("data", "Look at and prepare data sets")
    {
        DataInspectVerb.Create(),
        DataPrepareVerb.Create(interruption),
        DataVerifyVerb.Create(interruption),
    };

    /// <summary>The options of a verb that reads data as a recipe says.</summary>
    public static (Option<string> Recipe, Option<string[]> Set, Option<string?> Data) Source()
    {
        var recipe = new Option<string>("--recipe") { Description = "Recipe that says how the data are read", HelpName = "NAME|FILE", Required = true };
        recipe.CompletionSources.Add([.. RecipeCatalogue.Names]);
        return (recipe, RecipeOptions.Set(), RunOptions.Data());
    }
}
