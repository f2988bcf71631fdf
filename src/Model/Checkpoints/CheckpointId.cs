using System.Globalization;
using System.Text.RegularExpressions;

namespace Spikeformer.Checkpoints;

/// <summary>Which checkpoint of a run: the same step of two lineages makes two checkpoints.</summary>
/// <param name="Step">Committed steps, from 0.</param>
/// <param name="Lineage">The lineage, from 0.</param>
public readonly partial record struct CheckpointId(long Step, int Lineage = 0)
{
    /// <summary>Name of the checkpoint's folder: <c>step-20</c>, in later lineages <c>step-20-lineage-1</c>. The lineage is in the name so
    /// that it is known when the manifest is damaged, and so that a rewound run does not overwrite what it comes from.</summary>
    public string Folder => Lineage == 0 ? $"step-{Step}" : $"step-{Step}-lineage-{Lineage}";

    /// <summary>Reads a folder name.</summary>
    /// <param name="folder">The name without its parents.</param>
    /// <param name="id">The checkpoint, when the result is true.</param>
    /// <returns>False for folders that are no checkpoint's.</returns>
    public static bool TryParse(string folder, out CheckpointId id)
    {
        id = default;
        Match match = FolderPattern().Match(folder);
        if (!match.Success || !long.TryParse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture, out long step)) return false;
        int lineage = 0;
        if (match.Groups[2].Success && !int.TryParse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture, out lineage)) return false;
        id = new(step, lineage);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Folder;

    [GeneratedRegex(@"\Astep-(0|[1-9][0-9]*)(?:-lineage-([1-9][0-9]*))?\z")]
    private static partial Regex FolderPattern();
}
