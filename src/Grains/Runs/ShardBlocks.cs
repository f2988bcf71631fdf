namespace Spikeformer.Runs;

/// <summary>Who owns how many shards: contiguous blocks in rank order, so that the slowest member is as fast as can be.</summary>
public static class ShardBlocks
{
    /// <summary>Cuts V shards into one block per member.</summary>
    /// <param name="shards">V.</param>
    /// <param name="capacities">Most shards of each member, by rank; each at least 1.</param>
    /// <param name="secondsPerShard">How long each member computes on a shard; equal where that is not known.</param>
    /// <returns>First and end of each block, none empty; or null when there are more members than shards or their memory holds fewer than V.</returns>
    /// <remarks>A step takes as long as its slowest member, so each shard goes to the member that is done with it first; among equals to the
    /// earlier rank.</remarks>
    public static IReadOnlyList<(int First, int End)>? Cut(int shards, IReadOnlyList<int> capacities, IReadOnlyList<double>? secondsPerShard = null)
    {
        if (capacities.Count == 0 || capacities.Count > shards || capacities.Sum(capacity => (long)capacity) < shards) return null;
        var sizes = new int[capacities.Count];
        Array.Fill(sizes, 1);
        for (int given = sizes.Length; given < shards; given++)
            sizes[Enumerable.Range(0, sizes.Length).Where(rank => sizes[rank] < capacities[rank]).MinBy(rank => (sizes[rank] + 1) * (secondsPerShard?[rank] ?? 1))]++;
        var blocks = new (int First, int End)[sizes.Length];
        for (int rank = 0, first = 0; rank < sizes.Length; first += sizes[rank++]) blocks[rank] = (first, first + sizes[rank]);
        return blocks;
    }

    /// <summary>Seconds that the slowest member computes in a step.</summary>
    public static double Seconds(IReadOnlyList<(int First, int End)> blocks, IReadOnlyList<double> secondsPerShard) =>
        blocks.Zip(secondsPerShard, (block, seconds) => (block.End - block.First) * seconds).Max();
}
