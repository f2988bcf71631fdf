using FsCheck;
using FsCheck.Xunit;
using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class ShardBlocksTests
{
    [Property(MaxTest = 1000)]
    public void Blocks_cover_all_shards_in_order_and_the_largest_is_as_small_as_memory_allows(byte shards, NonEmptyArray<byte> memory)
    {
        int V = shards % 40;
        int[] capacities = [.. memory.Get.Take(50).Select(byteOf => byteOf % 12 + 1)];
        IReadOnlyList<(int First, int End)>? blocks = ShardBlocks.Cut(V, capacities);

        Assert.Equal(capacities.Length > V || capacities.Sum() < V, blocks is null);
        if (blocks is null) return;
        Assert.Equal(capacities.Length, blocks.Count);
        Assert.Equal(0, blocks[0].First);
        Assert.Equal(V, blocks[^1].End);
        for (int rank = 0; rank < blocks.Count; rank++)
        {
            Assert.InRange(blocks[rank].End - blocks[rank].First, 1, capacities[rank]);
            if (rank > 0) Assert.Equal(blocks[rank - 1].End, blocks[rank].First);
        }
        int largest = blocks.Max(block => block.End - block.First);
        // With one shard less at most for everybody, they could not hold them all.
        Assert.True(capacities.Sum(capacity => Math.Min(capacity, largest - 1)) < V);
    }

    [Fact]
    public void Among_equals_the_earlier_ranks_get_the_larger_blocks()
    {
        Assert.Equal([(0, 3), (3, 6), (6, 8)], ShardBlocks.Cut(8, [100, 100, 100]));
        Assert.Equal([(0, 1), (1, 4), (4, 6), (6, 8)], ShardBlocks.Cut(8, [1, 4, 4, 4]));
        Assert.Equal([(0, 4), (4, 5), (5, 8)], ShardBlocks.Cut(8, [4, 1, 4]));
    }

    [Fact]
    public void Slower_members_get_fewer_shards_and_none_stays_without()
    {
        Assert.Equal([(0, 4), (4, 7), (7, 8)], ShardBlocks.Cut(8, [100, 100, 100], [1, 1, 4]));
        Assert.Equal([(0, 1), (1, 8)], ShardBlocks.Cut(8, [100, 100], [9, 1]));
        Assert.Equal([(0, 4), (4, 8)], ShardBlocks.Cut(8, [100, 4], [2, 1]));
        Assert.Equal(4, ShardBlocks.Seconds([(0, 4), (4, 7), (7, 8)], [1, 1, 4]));
    }

    [Fact]
    public void Memory_without_a_limit_does_not_overflow() =>
        Assert.Equal([(0, 2), (2, 3)], ShardBlocks.Cut(3, [int.MaxValue, int.MaxValue]));

    [Fact]
    public void Without_members_nothing_can_be_cut() => Assert.Null(ShardBlocks.Cut(8, []));
}
