using System.Runtime.InteropServices;
using Spikeformer.Silo.Devices;
using Spikeformer.Silo.Worker.Session;
using Xunit;

namespace Spikeformer.Cluster.Worker.Session;

public sealed unsafe class ShardMemoryTests
{
    [Fact]
    public void Shards_that_are_computed_together_share_the_growth()
    {
        Assert.Equal(new ShardMemory(1000, 0, 50), ShardMemory.Of(1000, growth: 100, shards: 2, least: 10, areTogether: true));
        // What each shard needs in any case counts, even when the process has not grown by it yet.
        Assert.Equal(new ShardMemory(1000, 0, 60), ShardMemory.Of(1000, growth: 100, shards: 2, least: 60, areTogether: true));
    }

    [Fact]
    public void Shards_that_are_computed_one_after_the_other_use_the_same_memory() =>
        Assert.Equal(new ShardMemory(1000, 80, 10), ShardMemory.Of(1000, growth: 100, shards: 2, least: 10, areTogether: false));

    [Theory]
    [InlineData(1000, 1000L, 1, 4)] // 90 % of 1000 by 200
    [InlineData(1000, 1000L, 2, 2)]
    [InlineData(1800, 1000L, 1, 8)] // and the 800 that the shards use already
    [InlineData(900, 1000L, 1, 4)]
    [InlineData(1000, 0L, 1, 1)]
    [InlineData(1000, null, 1, int.MaxValue)]
    public void The_capacity_is_the_workers_part_of_the_free_memory_by_the_memory_of_a_shard(long own, long? available, int workers, int capacity) =>
        Assert.Equal(capacity, new ShardMemory(1000, 0, 200).Capacity(own, available, workers, limit: null));

    [Fact]
    public void Memory_that_any_number_of_shards_takes_is_left_out() =>
        Assert.Equal(2, new ShardMemory(1000, 500, 200).Capacity(own: 1000, available: 1000, workers: 1, limit: null));

    [Theory]
    [InlineData(1400, 1, 2)]
    [InlineData(2800, 2, 2)]
    [InlineData(1, 1, 1)]
    [InlineData(1_000_000, 1, 4)]
    public void A_limit_counts_the_whole_process(long limit, int workers, int capacity) =>
        Assert.Equal(capacity, new ShardMemory(1000, 0, 200).Capacity(own: 1000, available: 1000 * workers, workers, limit));

    [Fact]
    public void The_growth_of_the_process_is_measured()
    {
        const int bytes = 256 << 20;
        void* taken = null;
        try
        {
            ShardMemory memory = ShardMemory.Measure(new MachineMemory(), () =>
            {
                taken = NativeMemory.Alloc(bytes);
                NativeMemory.Fill(taken, bytes, 1);
                return (2, 1);
            }, areTogether: true)!;
            Assert.InRange(memory.PerShard, bytes / 4, bytes);
        }
        finally
        {
            NativeMemory.Free(taken);
        }
    }

    [Fact]
    public void Without_a_measurement_there_is_no_capacity() => Assert.Null(ShardMemory.Measure(new MachineMemory("/nowhere"), () => (2, 1), areTogether: true));
}
