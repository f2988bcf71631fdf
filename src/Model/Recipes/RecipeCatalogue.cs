namespace Spikeformer.Recipes;

/// <summary>The recipes that come with Spikeformer, by name.</summary>
public static class RecipeCatalogue
{
    private const string Prefix = "Spikeformer.Recipes.", Suffix = ".json";

    /// <summary>Names of the recipes, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. from resource in typeof(RecipeCatalogue).Assembly.GetManifestResourceNames()
            where resource.StartsWith(Prefix, StringComparison.Ordinal) && resource.EndsWith(Suffix, StringComparison.Ordinal)
            let name = resource[Prefix.Length..^Suffix.Length]
            orderby name
            select name];

    /// <summary>The text of a recipe as it was written, comments included: source, published accuracy, hardware, memory, hours.</summary>
    /// <exception cref="SpikeformerException">There is no recipe of this name.</exception>
    public static string Text(string name)
    {
        using Stream? resource = typeof(RecipeCatalogue).Assembly.GetManifestResourceStream(Prefix + name + Suffix);
        if (resource is null) throw Unknown(name);
        using var reader = new StreamReader(resource);
        return reader.ReadToEnd();
    }

    /// <summary>The text's first comment lines without their slashes: what a recipe is, in a few words.</summary>
    public static string Header(string name) => string.Join('\n', Text(name).Split('\n')
        .TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal)).Select(line => line[2..].Trim()));

    /// <summary>Reads a recipe by name, or from a file: what has a slash or ends with <c>.json</c> is always a file.</summary>
    /// <param name="nameOrFile">One of <see cref="Names"/>, or a path.</param>
    /// <param name="overrides">Texts of <c>--set</c> options, applied in order.</param>
    /// <exception cref="RecipeException">Something is wrong with the recipe; carries every problem.</exception>
    /// <exception cref="SpikeformerException">There is no such recipe or file, or the file cannot be read.</exception>
    public static Recipe Load(string nameOrFile, IReadOnlyList<string>? overrides = null)
    {
        if (nameOrFile.Contains('/') || nameOrFile.EndsWith(Suffix, StringComparison.Ordinal))
            return RecipeReader.ReadFile(nameOrFile, overrides);
        return RecipeReader.Read(Text(nameOrFile), nameOrFile, overrides);
    }

    private static SpikeformerException Unknown(string name) => new(
        ErrorKind.NotFound,
        $"There is no recipe '{name}'{ClosestName.Hint(name, Names).TrimEnd('?')}",
        $"Take one of {string.Join(", ", Names)}, or give a file (with a slash in its path, or ending with .json)");
}
