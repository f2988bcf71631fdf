using System.Text;

namespace Spikeformer.Recipes;

/// <summary>Reads recipes from strict JSON with comments. Unknown keys, repeated keys, wrong types, values out of bounds and impossible combinations
/// are errors. All errors are reported at once, each with its field, line and column.</summary>
public static class RecipeReader
{
    /// <summary>Reads a recipe and completes it with the fields of its variant and the defaults of its schedule.</summary>
    /// <param name="utf8">The recipe's JSON in UTF-8.</param>
    /// <param name="source">The recipe's file or name, for messages.</param>
    /// <param name="overrides">The <c>--set</c> options as text, for example <c>model.width=64</c>, applied in order.</param>
    /// <returns>The resolved recipe, a pure function of the arguments.</returns>
    /// <exception cref="RecipeException">The recipe is invalid; <see cref="RecipeException.Problems"/> lists every problem.</exception>
    public static Recipe Read(ReadOnlySpan<byte> utf8, string source, IReadOnlyList<string>? overrides = null)
    {
        var tree = JsonTree.Parse(utf8, source);
        List<RecipeProblem> optionProblems = [];
        foreach (string option in overrides ?? [])
        {
            (tree, RecipeProblem? problem) = RecipeOverrides.Apply(tree, option);
            if (problem is not null) optionProblems.Add(problem);
        }

        var binder = new RecipeBinder();
        Recipe recipe = ResolveVariant(binder.Bind(tree), binder);
        BrokenRule[] broken = [.. RecipeRules.Broken(recipe)
            .Where(rule => !binder.IsFaulty(rule.Path) && !rule.Also.Any(binder.IsFaulty))];
        foreach (BrokenRule rule in broken) binder.Report(rule.Path, rule.What);

        if (binder.Problems.Count + optionProblems.Count > 0) throw new RecipeException(source, [.. binder.Problems, .. optionProblems]);
        return recipe with { Schedule = [.. recipe.Schedule.Select(segment => Resolve(segment, recipe.Epochs))] };
    }

    /// <summary>Reads a recipe from text.</summary>
    /// <inheritdoc cref="Read(ReadOnlySpan{byte}, string, IReadOnlyList{string})"/>
    public static Recipe Read(string json, string source, IReadOnlyList<string>? overrides = null) =>
        Read(Encoding.UTF8.GetBytes(json), source, overrides);

    /// <summary>Reads a recipe from a file.</summary>
    /// <param name="file">Path of the JSON file.</param>
    /// <param name="overrides">The <c>--set</c> options as text, applied in order.</param>
    /// <returns>The resolved recipe.</returns>
    /// <exception cref="RecipeException">The recipe is invalid; <see cref="RecipeException.Problems"/> lists every problem.</exception>
    /// <exception cref="SpikeformerException">The file does not exist (NotFound) or cannot be read (Usage).</exception>
    public static Recipe ReadFile(string file, IReadOnlyList<string>? overrides = null)
    {
        try
        {
            return Read(File.ReadAllBytes(file), file, overrides);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SpikeformerException(ErrorKind.NotFound, $"Recipe file '{file}' does not exist", "Check the path", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SpikeformerException(ErrorKind.Usage, $"Recipe file '{file}' cannot be read: {error.Message.TrimEnd('.')}",
                "Give a readable JSON file", error);
        }
    }

    private static Recipe ResolveVariant(Recipe recipe, RecipeBinder binder)
    {
        if (recipe.Model.Variant is not { } name) return recipe;
        if (PublishedVariants.Find(name) is not { } variant)
        {
            string[] known = [.. PublishedVariants.All.Select(v => v.Name)];
            binder.Report("model.variant", $"'{name}' is unknown; the variants are {string.Join(", ", known)}{ClosestName.Hint(name, known)}");
            return recipe;
        }
        ModelRecipe given = recipe.Model;
        ModelRecipe resolved = variant.Model with { DropPath = given.DropPath, DropPathAxis = given.DropPathAxis };
        foreach (RecipeField field in RecipeField.Of(typeof(ModelRecipe)))
        {
            string path = $"model.{field.Name}";
            (object? mine, object? published) = (field.Property.GetValue(given), field.Property.GetValue(resolved));
            if (binder.IsGiven(path) && !binder.IsFaulty(path) && Text(mine) != Text(published))
                binder.Report(path, $"is {Text(mine)}, but variant {name} has {Text(published)}; remove this field or set variant to null");
        }
        return recipe with { Model = resolved };
    }

    private static string Text(object? value) => value switch
    {
        IEnumerable<int> list => $"[{string.Join(", ", list)}]",
        Enum name => RecipeField.NameOf(name),
        _ => FormattableString.Invariant($"{value}"),
    };

    private static ScheduleSegment Resolve(ScheduleSegment segment, int epochs) => segment.Kind switch
    {
        ScheduleKind.Cosine or ScheduleKind.Linear or ScheduleKind.ReferenceImagenet => segment with { Until = segment.Until ?? epochs },
        ScheduleKind.ReferenceDvs => segment with { Every = segment.Every ?? 192, Factor = segment.Factor ?? 0.1 },
        _ => segment,
    };
}
