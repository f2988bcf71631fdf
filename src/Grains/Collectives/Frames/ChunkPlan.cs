namespace Spikeformer.Collectives.Frames;

/// <summary>How a vector is cut: into blocks, and runs of blocks (chunks) that one rank each adds up for all.</summary>
/// <param name="Length">Elements of the vector.</param>
/// <param name="BlockLength">Elements of a block; the last one may be shorter.</param>
/// <param name="WorldSize">W.</param>
internal readonly record struct ChunkPlan(long Length, int BlockLength, int WorldSize)
{
    private const int MinBlockLength = 4096;

    /// <summary>Small vectors get small blocks, so that every rank has a few to overlap.</summary>
    /// <param name="length">Elements.</param>
    /// <param name="worldSize">W.</param>
    /// <param name="maxBlockLength">Most elements of a block.</param>
    public static ChunkPlan Of(long length, int worldSize, int maxBlockLength)
    {
        int blockLength = MinBlockLength;
        while (blockLength < maxBlockLength && length > 4L * worldSize * blockLength) blockLength *= 2;
        return new(length, blockLength, worldSize);
    }

    private long Blocks => (Length + BlockLength - 1) / BlockLength;

    /// <summary>Blocks of a rank's chunk.</summary>
    public int BlocksOf(int rank) => (int)(FirstBlockOf(rank + 1) - FirstBlockOf(rank));

    /// <summary>The elements of a block of a rank's chunk.</summary>
    public (long Offset, int Count) Range(int rank, int block)
    {
        long offset = (FirstBlockOf(rank) + block) * BlockLength;
        return (offset, (int)Math.Min(BlockLength, Length - offset));
    }

    private long FirstBlockOf(int rank) => Blocks * rank / WorldSize;
}
