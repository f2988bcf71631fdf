namespace Spikeformer.Recipes;

/// <summary>A problem in a recipe.</summary>
/// <param name="Path">The field in the form of <c>--set</c>, for example <c>schedule.0.base</c>; empty for the whole text.</param>
/// <param name="Source">The source of the value: a file, a built-in recipe, or an option such as <c>--set model.width=65</c>.</param>
/// <param name="Line">Line of the value in a file, from 1; 0 for an option.</param>
/// <param name="Column">Column of the value in a file, in characters from 1; 0 for an option.</param>
/// <param name="What">The problem and the expected value.</param>
public sealed record RecipeProblem(string Path, string Source, int Line, int Column, string What)
{
    /// <summary>Returns one line in the style of a compiler: <c>file.json:3:12: model.width: ...</c>.</summary>
    public override string ToString() =>
        $"{Source}{(Line > 0 ? $":{Line}:{Column}" : "")}: {(Path.Length > 0 ? $"{Path}: " : "")}{What}";
}

/// <summary>The error for an invalid recipe, with all problems at once.</summary>
/// <param name="name">The recipe's file or name.</param>
/// <param name="problems">All problems, at least one.</param>
public sealed class RecipeException(string name, IReadOnlyList<RecipeProblem> problems) : SpikeformerException(ErrorKind.Usage,
    $"Recipe '{name}' is invalid, {(problems.Count == 1 ? "1 problem" : $"{problems.Count} problems")}:\n  {string.Join("\n  ", problems)}",
    "Correct the recipe; 'spikeformer recipe schema' lists the fields")
{
    /// <summary>All problems, in the order of the text, with options last.</summary>
    public IReadOnlyList<RecipeProblem> Problems { get; } = problems;
}
