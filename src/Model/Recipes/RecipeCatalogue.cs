namespace Spikeformer.Recipes;

/// <summary>The built-in recipes, by name.</summary>
public static class RecipeCatalogue
{
    private const string Prefix = "Spikeformer.Recipes.", Suffix = ".json";

    /// <summary>The names of the recipes, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. from resource in typeof(RecipeCatalogue).Assembly.GetManifestResourceNames()
            where resource.StartsWith(Prefix, StringComparison.Ordinal) && resource.EndsWith(Suffix, StringComparison.Ordinal)
            let name = resource[Prefix.Length..^Suffix.Length]
            orderby name
            select name];

    /// <summary>Returns the text of a recipe, including its comments on source, published accuracy, hardware, memory and hours.</summary>
    /// <exception cref="SpikeformerException">There is no recipe with this name (NotFound).</exception>
    public static string Text(string name)
    {
        using Stream? resource = typeof(RecipeCatalogue).Assembly.GetManifestResourceStream(Prefix + name + Suffix);
        if (resource is null) throw Unknown(name);
        using var reader = new StreamReader(resource);
        return reader.ReadToEnd();
    }

    /// <summary>Returns the comment at the start of a recipe, without the slashes.</summary>
    /// <exception cref="SpikeformerException">There is no recipe with this name (NotFound).</exception>
    public static string Header(string name) => string.Join('\n', Text(name).Split('\n')
        .TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal)).Select(line => line[2..].Trim()));

    /// <summary>Reads a recipe by name or from a file.</summary>
    /// <param name="nameOrFile">One of <see cref="Names"/>, or a path. A text that contains a slash or ends with <c>.json</c> is always a path.</param>
    /// <param name="overrides">The <c>--set</c> options as text, applied in order.</param>
    /// <returns>The resolved recipe.</returns>
    /// <exception cref="RecipeException">The recipe is invalid; <see cref="RecipeException.Problems"/> lists every problem.</exception>
    /// <exception cref="SpikeformerException">The recipe or file does not exist (NotFound), or the file cannot be read.</exception>
    public static Recipe Load(string nameOrFile, IReadOnlyList<string>? overrides = null)
    {
        if (nameOrFile.Contains('/') || nameOrFile.EndsWith(Suffix, StringComparison.Ordinal))
            return RecipeReader.ReadFile(nameOrFile, overrides);
        return RecipeReader.Read(Text(nameOrFile), nameOrFile, overrides);
    }

    private static SpikeformerException Unknown(string name) => new(
        ErrorKind.NotFound,
        $"There is no recipe '{name}'{ClosestName.Hint(name, Names).TrimEnd('?')}",
        $"Use one of {string.Join(", ", Names)}, or a file (a path with a slash or ending with .json)");
}
