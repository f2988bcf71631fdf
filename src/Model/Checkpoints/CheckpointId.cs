using System.Globalization;
using System.Text.RegularExpressions;

namespace Spikeformer.Checkpoints;

/// <summary>Identifies a checkpoint of a run. The same step of two lineages has two checkpoints.</summary>
/// <param name="Step">The number of committed steps, from 0.</param>
/// <param name="Lineage">The lineage, from 0.</param>
public readonly partial record struct CheckpointId(long Step, int Lineage = 0)
{
    /// <summary>The name of the checkpoint's folder: <c>step-20</c>, or <c>step-20-lineage-1</c> in a later lineage. The name contains the
    /// lineage, so that it is known if the manifest is damaged, and a rewound run does not overwrite its origin.</summary>
    public string Folder => Lineage == 0 ? $"step-{Step}" : $"step-{Step}-lineage-{Lineage}";

    /// <summary>Parses the name of a folder.</summary>
    /// <param name="folder">The name without parent folders.</param>
    /// <param name="id">The checkpoint, if the result is true.</param>
    /// <returns>Whether the name is that of a checkpoint's folder.</returns>
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
