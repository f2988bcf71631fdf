namespace Spikeformer.Checkpoints;

/// <summary>Which checkpoints continue a run, in which order, and which may go. Pure functions of what a scan found.</summary>
internal static class Retention
{
    /// <summary>
    /// The checkpoints that a run may resume from, best first: those of the current lineage from the highest step down, then those of
    /// each lineage before it up to the step where it was left. Later ones are abandoned history.
    /// </summary>
    /// <param name="entries">All checkpoints.</param>
    /// <param name="lineage">The current lineage; null takes the highest.</param>
    public static IReadOnlyList<CheckpointEntry> Succession(IReadOnlyCollection<CheckpointEntry> entries, int? lineage = null)
    {
        var succession = new List<CheckpointEntry>();
        int current = lineage ?? entries.Select(entry => entry.Id.Lineage).DefaultIfEmpty(0).Max();
        for (long limit = long.MaxValue; ;)
        {
            var own = entries.Where(entry => entry.Id.Lineage == current && entry.Id.Step <= limit);
            succession.AddRange(own.OrderByDescending(entry => entry.Id.Step));
            // Where the lineage began is known from any manifest of it. If none can be read, an older lineage must not be guessed.
            if (current == 0 || entries.FirstOrDefault(entry => entry.Id.Lineage == current && entry.Info is not null) is not { } witness)
                return succession;
            limit = Math.Min(limit, witness.Info!.LineageStart);
            current = entries.Select(entry => entry.Id.Lineage).Where(older => older < witness.Id.Lineage).DefaultIfEmpty(0).Max();
        }
    }

    /// <summary>The checkpoints to remove: all that are behind the first of <paramref name="kept"/> and neither kept, best, pinned nor of
    /// another version. Nothing when too few are kept.</summary>
    /// <param name="entries">All checkpoints.</param>
    /// <param name="succession">Their order.</param>
    /// <param name="kept">The newest verified ones.</param>
    /// <param name="keep">How many verified ones there must be before anything goes.</param>
    public static IReadOnlyList<CheckpointEntry> Superseded(IReadOnlyCollection<CheckpointEntry> entries,
        IReadOnlyList<CheckpointEntry> succession, IReadOnlyList<CheckpointEntry> kept, int keep)
    {
        if (kept.Count < keep) return [];
        var stays = succession.TakeWhile(entry => entry.Id != kept[0].Id).Concat(kept).Select(entry => entry.Id).ToHashSet();
        return [.. entries.Where(entry => !stays.Contains(entry.Id) && !entry.IsBest && !entry.IsPinned && !entry.IsForeign)];
    }
}
