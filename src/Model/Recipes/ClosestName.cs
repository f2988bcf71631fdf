namespace Spikeformer.Recipes;

/// <summary>Finds the known name that is closest to a misspelt one.</summary>
internal static class ClosestName
{
    /// <summary>Returns a phrase for messages (<c>; did you mean 'width'?</c>) if a name is close enough, otherwise an empty string.</summary>
    public static string Hint(string word, IEnumerable<string> names) =>
        Find(word, names) is { } name ? $"; did you mean '{name}'?" : "";

    /// <summary>Returns the closest name within an edit distance of a third of the word's length (at least 2), ignoring case, or null.</summary>
    public static string? Find(string word, IEnumerable<string> names)
    {
        int limit = Math.Max(2, word.Length / 3);
        (string? best, int bestDistance) = (null, limit + 1);
        foreach (string name in names)
            if (Distance(word.ToLowerInvariant(), name.ToLowerInvariant()) is var distance && distance < bestDistance)
                (best, bestDistance) = (name, distance);
        return bestDistance < Math.Max(word.Length, 2) ? best : null;
    }

    /// <summary>Levenshtein distance: insertions, deletions and replacements of single characters.</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            (int diagonal, row[0]) = (row[0], i);
            for (int j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }
        return row[b.Length];
    }
}
