namespace Spikeformer.Runs;

/// <summary>Cuts the shards into contiguous blocks in rank order, so that the slowest member is as fast as possible.</summary>
public static class ShardBlocks
{
    /// <summary>Cuts V shards into one block per member.</summary>
    /// <param name="shards">V.</param>
    /// <param name="capacities">The number of shards that fit into each member's memory, by rank; each at least 1.</param>
    /// <param name="secondsPerShard">Each member's computing time per shard; null takes all members as equally fast.</param>
    /// <returns>First and end of each block, none empty; null when there are more members than shards, or when fewer than V shards fit into their
    /// memory.</returns>
    /// <remarks>A step takes as long as its slowest member, so each shard goes to the member that would finish it first, and among equals to the
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

    /// <summary>Returns the slowest member's computing time in a step.</summary>
    public static double Seconds(IReadOnlyList<(int First, int End)> blocks, IReadOnlyList<double> secondsPerShard) =>
        blocks.Zip(secondsPerShard, (block, seconds) => (block.End - block.First) * seconds).Max();
}
