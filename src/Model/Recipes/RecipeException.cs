namespace Spikeformer.Recipes;

/// <summary>One thing that is wrong with a recipe.</summary>
/// <param name="Path">The field as <c>--set</c> names it, for example <c>schedule.0.base</c>; empty for the whole text.</param>
/// <param name="Source">The file or embedded recipe, or the option (<c>--set model.width=65</c>) that the value comes from.</param>
/// <param name="Line">Line of the value in a file, from 1; 0 for an option.</param>
/// <param name="Column">Column of the value in a file in characters, from 1; 0 for an option.</param>
/// <param name="What">What is wrong and what would be right.</param>
public sealed record RecipeProblem(string Path, string Source, int Line, int Column, string What)
{
    /// <summary>One line, as a compiler would print it: <c>file.json:3:12: model.width: ...</c>.</summary>
    public override string ToString() =>
        $"{Source}{(Line > 0 ? $":{Line}:{Column}" : "")}: {(Path.Length > 0 ? $"{Path}: " : "")}{What}";
}

/// <summary>A recipe that cannot be used; carries every problem at once, in the order of the text.</summary>
/// <param name="name">The recipe's file or name.</param>
/// <param name="problems">All that is wrong; at least one problem.</param>
public sealed class RecipeException(string name, IReadOnlyList<RecipeProblem> problems) : SpikeformerException(ErrorKind.Usage,
    $"Recipe '{name}' cannot be used, {(problems.Count == 1 ? "1 problem" : $"{problems.Count} problems")}:\n  {string.Join("\n  ", problems)}",
    "Correct the recipe; 'spikeformer recipe schema' lists the fields")
{
    /// <summary>All that is wrong, in the order of the text, options last.</summary>
    public IReadOnlyList<RecipeProblem> Problems { get; } = problems;
}
