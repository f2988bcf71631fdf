using System.Text.RegularExpressions;

namespace Spikeformer.Architecture;

/// <summary>The section "Rooms" of <c>docs/architecture.md</c>: rows with a folder below <c>src</c> and its purpose.</summary>
internal static partial class RoomTable
{
    /// <summary>What keeps the tables from naming each folder once, with a purpose of its own.</summary>
    /// <param name="page">Text of the page.</param>
    /// <param name="folders">The folders below <c>src</c>.</param>
    public static IReadOnlyList<string> Problems(string page, IReadOnlyCollection<string> folders)
    {
        string section = Section().Match(page).Value;
        (string Folder, string Purpose)[] rows = [.. Row().Matches(section).Select(row => (row.Groups[1].Value, row.Groups[2].Value.Trim()))];
        string[] named = [.. rows.Select(row => row.Folder)];
        return
        [
            .. folders.Except(named).Select(folder => $"{folder} has no row"),
            .. named.Except(folders).Select(folder => $"{folder} is no folder"),
            .. rows.GroupBy(row => row.Folder).Where(group => group.Count() > 1).Select(group => $"{group.Key} has {group.Count()} rows"),
            .. rows.Where(row => row.Purpose == "").Select(row => $"{row.Folder} has no purpose"),
            .. rows.Where(row => row.Purpose != "").GroupBy(row => row.Purpose).Where(group => group.Count() > 1)
                .Select(group => $"{string.Join(" and ", group.Select(row => row.Folder))} have the same purpose"),
        ];
    }

    [GeneratedRegex(@"(?<=^## Rooms\n).*?(?=^## |\z)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Section();

    [GeneratedRegex(@"^\| `([^`]+)` \|([^|\n]*)\|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
