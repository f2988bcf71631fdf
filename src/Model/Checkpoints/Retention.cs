namespace Spikeformer.Checkpoints;

/// <summary>Decides which checkpoints a run can resume from, in which order, and which may be removed. Pure functions of a scan's result.</summary>
internal static class Retention
{
    /// <summary>Returns the checkpoints that a run can resume from, the preferred one first: the checkpoints of the current lineage from the highest step down,
    /// then those of each lineage before it up to the step where it was left. Later steps of older lineages are abandoned.</summary>
    /// <param name="entries">All checkpoints.</param>
    /// <param name="lineage">The current lineage; null for the highest.</param>
    public static IReadOnlyList<CheckpointEntry> Succession(IReadOnlyCollection<CheckpointEntry> entries, int? lineage = null)
    {
        var succession = new List<CheckpointEntry>();
        int current = lineage ?? entries.Select(entry => entry.Id.Lineage).DefaultIfEmpty(0).Max();
        for (long limit = long.MaxValue; ;)
        {
            var own = entries.Where(entry => entry.Id.Lineage == current && entry.Id.Step <= limit);
            succession.AddRange(own.OrderByDescending(entry => entry.Id.Step));
            // Any manifest of a lineage tells where it began. If none can be read, an older lineage must not be guessed.
            if (current == 0 || entries.FirstOrDefault(entry => entry.Id.Lineage == current && entry.Info is not null) is not { } witness)
                return succession;
            limit = Math.Min(limit, witness.Info!.LineageStart);
            current = entries.Select(entry => entry.Id.Lineage).Where(older => older < witness.Id.Lineage).DefaultIfEmpty(0).Max();
        }
    }

    /// <summary>Returns the checkpoints to remove: all after the first of <paramref name="kept"/> that are not kept, best, pinned or written by
    /// another version. Returns none if too few are kept.</summary>
    /// <param name="entries">All checkpoints.</param>
    /// <param name="succession">The order of the checkpoints.</param>
    /// <param name="kept">The newest verified checkpoints.</param>
    /// <param name="keep">The number of verified checkpoints required before any is removed.</param>
    public static IReadOnlyList<CheckpointEntry> Superseded(IReadOnlyCollection<CheckpointEntry> entries,
        IReadOnlyList<CheckpointEntry> succession, IReadOnlyList<CheckpointEntry> kept, int keep)
    {
        if (kept.Count < keep) return [];
        var stays = succession.TakeWhile(entry => entry.Id != kept[0].Id).Concat(kept).Select(entry => entry.Id).ToHashSet();
        return [.. entries.Where(entry => !stays.Contains(entry.Id) && !entry.IsBest && !entry.IsPinned && !entry.IsForeign)];
    }
}
