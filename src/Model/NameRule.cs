namespace Spikeformer;

/// <summary>The rule for names of recipes, runs, silos, clusters and services. A recipe's name can always name a run.</summary>
/// <remarks>Names become folders, keys of Redis, labels of metrics and parts of a worker's name, <c>silo/slot</c>: they hold no slash and no space.</remarks>
internal static class NameRule
{
    /// <summary>What a name is, for messages.</summary>
    public const string Text = "1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit";

    private const int MaxLength = 64;

    /// <summary>Whether a text can be a name.</summary>
    public static bool Allows(string name) => name.Length is > 0 and <= MaxLength && char.IsAsciiLetterOrDigit(name[0])
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');
}
