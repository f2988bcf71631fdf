using Spikeformer.Collectives.Plan;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives;

public sealed class AllReduceTests
{
    public static TheoryData<bool, int, int[]> Groupings
    {
        get
        {
            var data = new TheoryData<bool, int, int[]>();
            foreach (bool forceTcp in (bool[])[false, true])
            {
                for (int ranks = 1; ranks <= 8; ranks++) data.Add(forceTcp, 8, Ranks.Even(8, ranks));
                foreach (int shards in (int[])[5, 6, 7])
                    foreach (int ranks in (int[])[2, 3, shards]) data.Add(forceTcp, shards, Ranks.Even(shards, ranks));
                data.Add(forceTcp, 8, [7, 8]);
                data.Add(forceTcp, 8, [1, 8]);
                data.Add(forceTcp, 8, [3, 4, 8]);
                data.Add(forceTcp, 13, [11, 12, 13]);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Groupings))]
    public void Every_grouping_gives_every_rank_the_bits_of_the_tree(bool forceTcp, int shards, int[] ends)
    {
        using var ranks = new Ranks(shards, ends, new GroupOptions { ForceTcp = forceTcp });
        int[] lengths = [1, 1000, 16383, 16384, 70_001, 1_000_003];
        string[] expected = [.. lengths.Select(length => Leaves.Hash(Leaves.Sum(shards, length)))];

        string[][] found = ranks.Run(group => lengths.Select((length, step) => Leaves.Reduce(group, length, step)).ToArray());

        Assert.All(found, hashes => Assert.Equal(expected, hashes));
    }

    [Fact]
    public void A_plain_ring_gives_other_bits_so_the_comparison_can_fail()
    {
        string[] rings = [.. Enumerable.Range(1, 8).Select(ranks => Leaves.Hash(Ring(8, Ranks.Even(8, ranks), 1000)))];

        Assert.Contains(rings, ring => ring != Leaves.Hash(Leaves.Sum(8, 1000)));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(100_000)]
    public void Every_rank_gets_every_note(int length)
    {
        using var ranks = new Ranks(8, Ranks.Even(8, 3));
        ulong[][] notes = ranks.Run(group =>
        {
            Leaves.Reduce(group, length, note: ulong.MaxValue - (ulong)group.Plan.OwnRank);
            return group.Notes.ToArray();
        });

        Assert.All(notes, seen => Assert.Equal([ulong.MaxValue, ulong.MaxValue - 1, ulong.MaxValue - 2], seen));
    }

    [Theory]
    [InlineData(false, 1000)]
    [InlineData(false, 300_000)]
    [InlineData(true, 300_000)]
    public void In_a_recovery_any_split_of_the_tree_over_any_ranks_gives_the_same_bits(bool forceTcp, int length)
    {
        using var ranks = new Ranks(6, [2, 4, 6], new GroupOptions { ForceTcp = forceTcp });
        // Rank 1 contributes nothing, rank 2 a leaf in the middle and the end, and [4, 6) has its other name (1, 2).
        Contributions[] plans =
        [
            new([new(new(1, 0), 0), new(new(0, 2), 2), new(new(0, 3), 0), new(new(1, 2), 2)], 6, 3),
            new([new(new(3, 0), 1)], 6, 3),
            new(Enumerable.Range(0, 6).Select(v => new Contribution(new(0, v), 2)), 6, 3),
        ];
        string expected = Leaves.Hash(Leaves.Sum(6, length));

        string[][] found = ranks.Run(group => plans.Select((plan, step) => Leaves.Reduce(group, length, step, contributions: plan)).ToArray());

        Assert.All(found, hashes => Assert.All(hashes, hash => Assert.Equal(expected, hash)));
    }

    [Fact]
    public void Members_on_two_hosts_mix_shared_memory_and_TCP()
    {
        using var ranks = new Ranks(8, Ranks.Even(8, 4), host: rank => rank < 3 ? "a" : "b");
        string[] expected = [.. ((int[])[500, 400_000]).Select(length => Leaves.Hash(Leaves.Sum(8, length)))];

        var found = ranks.Run(group => (Hashes: Enumerable.Range(0, 20).SelectMany(step => (string[])[Leaves.Reduce(group, 500, 2 * step), Leaves.Reduce(group, 400_000, 2 * step + 1)]).ToArray(),
            Ways: string.Join(' ', Enumerable.Range(0, 4).Where(rank => rank != group.Plan.OwnRank).Select(group.TransportTo))));

        Assert.All(found, one => Assert.All(one.Hashes.Chunk(2), pair => Assert.Equal(expected, pair)));
        Assert.Equal(["shared memory shared memory TCP", "shared memory shared memory TCP", "shared memory shared memory TCP", "TCP TCP TCP"], found.Select(one => one.Ways));
    }

    [Fact]
    public void Overlapping_or_missing_contributions_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new Contributions([new(new(1, 0), 0), new(new(0, 1), 1)], 2, 2));
        Assert.Throws<ArgumentException>(() => new Contributions([new(new(0, 1), 1)], 2, 2));
        Assert.Throws<ArgumentException>(() => new Contributions([new(new(0, 0), 1)], 2, 2));
        Assert.Throws<ArgumentException>(() => new Contributions([new(new(2, 0), 1)], 2, 2));
        Assert.Throws<ArgumentException>(() => new Contributions([new(new(1, 0), 2)], 2, 2));
    }

    [Fact]
    public unsafe void Wrong_nodes_and_a_result_that_overlaps_a_partial_sum_are_refused()
    {
        using var ranks = new Ranks(2, [2]);
        ranks.Run(group =>
        {
            float[] values = GC.AllocateArray<float>(10, pinned: true);
            nint address = Leaves.Address(values);
            Assert.Throws<ArgumentException>(() => group.AllReduce(1, 0, [], (float*)address, 10));
            Assert.Throws<ArgumentException>(() => group.AllReduce(1, 0, [new(new(0, 0), address)], (float*)(address + 400), 10));
            Assert.Throws<ArgumentException>(() => group.AllReduce(1, 0, [new(new(1, 0), address)], (float*)(address + 8), 8));
            return 0;
        });
    }

    /// <summary>The result of a plain ring over left-folded blocks, in which each chunk starts its sum at another rank.</summary>
    private static float[] Ring(int shards, int[] ends, int length)
    {
        float[][] blocks = [.. ends.Select((end, rank) =>
        {
            var sum = new float[length];
            for (int v = rank == 0 ? 0 : ends[rank - 1]; v < end; v++)
            {
                float[] leaf = Leaves.Of(v, length);
                for (int i = 0; i < length; i++) sum[i] += leaf[i];
            }
            return sum;
        })];
        var result = new float[length];
        for (int i = 0; i < length; i++)
        {
            int start = (int)((long)i * ends.Length / length);
            for (int r = 0; r < ends.Length; r++) result[i] += blocks[(start + r) % ends.Length][i];
        }
        Assert.Equal(shards, ends[^1]);
        return result;
    }
}
