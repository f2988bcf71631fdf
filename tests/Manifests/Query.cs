using System.Text.RegularExpressions;

namespace Spikeformer.Manifests;

/// <summary>The metrics of a PromQL expression.</summary>
internal static partial class Query
{
    private static readonly HashSet<string> s_words =
        ["and", "or", "unless", "bool", "offset", "sum", "max", "min", "avg", "count", "quantile", "topk", "group"];

    /// <summary>Names of its metrics: what is left without strings, matchers, ranges, label lists, functions and operators.</summary>
    public static IEnumerable<string> Metrics(string expression) =>
        Name().Matches(Rest().Replace(expression, " ")).Select(match => match.Value).Where(name => !s_words.Contains(name)).Distinct();

    [GeneratedRegex("""
        "[^"]*" | \{[^}]*\} | \[[^\]]*\] | \b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\) | \b[a-z_0-9]+(?=\s*\() | \b[0-9][0-9.a-z]*
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Rest();

    [GeneratedRegex("[A-Za-z_][A-Za-z0-9_]*")]
    private static partial Regex Name();
}
