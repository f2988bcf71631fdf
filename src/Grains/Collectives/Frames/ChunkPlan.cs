namespace Spikeformer.Collectives.Frames;

/// <summary>Division of a vector into blocks, and into chunks: one run of blocks for each rank, which adds it up for all members.</summary>
/// <param name="Length">Elements of the vector.</param>
/// <param name="BlockLength">Elements of a block; the last block may be shorter.</param>
/// <param name="WorldSize">W, the number of members.</param>
internal readonly record struct ChunkPlan(long Length, int BlockLength, int WorldSize)
{
    private const int MinBlockLength = 4096;

    /// <summary>Divides a vector. A small vector gets small blocks, so that every rank has several and can overlap sending with adding.</summary>
    public static ChunkPlan Of(long length, int worldSize, int maxBlockLength)
    {
        int blockLength = MinBlockLength;
        while (blockLength < maxBlockLength && length > 4L * worldSize * blockLength) blockLength *= 2;
        return new(length, blockLength, worldSize);
    }

    private long Blocks => (Length + BlockLength - 1) / BlockLength;

    /// <summary>Number of blocks in a rank's chunk.</summary>
    public int BlocksOf(int rank) => (int)(FirstBlockOf(rank + 1) - FirstBlockOf(rank));

    /// <summary>First element and number of elements of a block in a rank's chunk.</summary>
    public (long Offset, int Count) Range(int rank, int block)
    {
        long offset = (FirstBlockOf(rank) + block) * BlockLength;
        return (offset, (int)Math.Min(BlockLength, Length - offset));
    }

    private long FirstBlockOf(int rank) => Blocks * rank / WorldSize;
}
