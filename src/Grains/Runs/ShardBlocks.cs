namespace Spikeformer.Runs;

/// <summary>Who owns how many shards: contiguous blocks in rank order, as even as memory allows.</summary>
public static class ShardBlocks
{
    /// <summary>Cuts V shards into one block per member.</summary>
    /// <param name="shards">V.</param>
    /// <param name="capacities">Most shards of each member, by rank; each at least 1.</param>
    /// <returns>First and end of each block, none empty; or null when there are more members than shards or their memory holds fewer than V.</returns>
    /// <remarks>The largest block is as small as it can be, since a step takes as long as its slowest member; among equals the earlier ranks
    /// get the larger blocks.</remarks>
    public static IReadOnlyList<(int First, int End)>? Cut(int shards, IReadOnlyList<int> capacities)
    {
        if (capacities.Count == 0 || capacities.Count > shards || capacities.Sum(capacity => (long)capacity) < shards) return null;
        int largest = (shards + capacities.Count - 1) / capacities.Count;
        while (capacities.Sum(capacity => (long)Math.Min(capacity, largest)) < shards) largest++;
        int[] sizes = [.. capacities.Select(capacity => Math.Min(capacity, largest))];
        // Too much was given out by fewer than one shard per member: the last ones that have the largest block give one back.
        for (int surplus = sizes.Sum() - shards, rank = sizes.Length - 1; surplus > 0; rank--)
        {
            if (sizes[rank] < largest) continue;
            sizes[rank]--;
            surplus--;
        }
        var blocks = new (int First, int End)[sizes.Length];
        for (int rank = 0, first = 0; rank < sizes.Length; first += sizes[rank++]) blocks[rank] = (first, first + sizes[rank]);
        return blocks;
    }
}
