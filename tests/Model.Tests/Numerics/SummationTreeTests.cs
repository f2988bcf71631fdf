using Spikeformer.Numerics;
using Xunit;

namespace Spikeformer.Model.Tests.Numerics;

public sealed unsafe class SummationTreeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(13)]
    public void Folding_vectors_in_place_gives_the_bits_of_the_written_definition(int shards)
    {
        float[][] leaves = Leaves(shards);
        float[] expected = new float[leaves[0].Length];
        for (int i = 0; i < expected.Length; i++) expected[i] = Definition(SummationTree.Root(shards).Level, 0, [.. leaves.Select(l => l[i])]);

        Assert.Equal(expected, FoldInPlace(leaves));
    }

    [Fact]
    public void Any_other_order_gives_other_bits_on_the_same_vectors()
    {
        float[][] leaves = Leaves(8);
        float[] leftFold = new float[leaves[0].Length];
        foreach (float[] leaf in leaves)
            for (int i = 0; i < leftFold.Length; i++) leftFold[i] += leaf[i];
        float[] tree = FoldInPlace(leaves), rotated = FoldInPlace([.. leaves.Skip(1), leaves[0]]);

        Assert.NotEqual(leftFold, tree);
        Assert.NotEqual(rotated, tree);
    }

    [Theory]
    [InlineData(0, 8, 8, "3:0")]
    [InlineData(0, 4, 8, "2:0")]
    [InlineData(0, 3, 8, "1:0 0:2")]
    [InlineData(3, 8, 8, "0:3 2:1")]
    [InlineData(1, 6, 8, "0:1 1:1 1:2")]
    [InlineData(4, 6, 6, "1:2")]
    [InlineData(2, 6, 6, "1:1 1:2")]
    [InlineData(0, 6, 6, "3:0")]
    [InlineData(4, 7, 7, "2:1")]
    [InlineData(6, 7, 7, "0:6")]
    [InlineData(3, 3, 8, "")]
    public void A_block_is_covered_by_the_fewest_nodes(int first, int end, int shards, string nodes) =>
        Assert.Equal(nodes, string.Join(' ', SummationTree.Cover(first, end, shards).Select(node => $"{node.Level}:{node.Index}")));

    [Fact]
    public void Covers_of_any_split_partition_the_shards_and_sum_to_the_same_bits()
    {
        for (int shards = 1; shards <= 20; shards++)
            for (int cut = 0; cut <= shards; cut++)
            {
                TreeNode[] nodes = [.. SummationTree.Cover(0, cut, shards), .. SummationTree.Cover(cut, shards, shards)];
                Assert.Equal(Enumerable.Range(0, shards), nodes.SelectMany(node => Enumerable.Range(node.First, node.End(shards) - node.First)));
            }
    }

    [Fact]
    public void A_node_knows_its_children_and_its_parent()
    {
        var node = new TreeNode(2, 1);
        Assert.Equal((new TreeNode(1, 2), new TreeNode(1, 3), new TreeNode(3, 0)), (node.Left, node.Right, node.Parent));
        Assert.Equal((node.First, node.End(7)), (node.Left.First, node.Right.End(7)));
        Assert.Equal("(2, 1)", node.ToString());
    }

    [Fact]
    public void A_missing_leaf_is_the_identity()
    {
        Assert.Equal("((ab)(d))", SummationTree.Fold<string>(["a", "b", null, "d"], (l, r) => l == "ab" || r == "ab" ? $"({Wrap(l)}{Wrap(r)})" : l + r));
        Assert.Null(SummationTree.Fold<string>([null, null, null], (l, r) => l + r));

        static string Wrap(string s) => $"({s})";
    }

    private static float Definition(int level, int index, float[] leaves)
    {
        if (level == 0) return leaves[index];
        float left = Definition(level - 1, 2 * index, leaves);
        return (2 * index + 1) << (level - 1) < leaves.Length ? left + Definition(level - 1, 2 * index + 1, leaves) : left;
    }

    private static float[] FoldInPlace(float[][] leaves)
    {
        float[][] work = [.. leaves.Select(leaf => GC.AllocateUninitializedArray<float>(leaf.Length, pinned: true))];
        for (int v = 0; v < work.Length; v++) leaves[v].CopyTo(work[v], 0);
        SummationTree.FoldInPlace(SummationTree.Root(work.Length), work.Length, v =>
        {
            fixed (float* pointer = work[v]) return ((nint)pointer, work[v].Length);
        });
        return work[0];
    }

    private static float[][] Leaves(int shards)
    {
        var random = new KeyedRandom(11, RandomPurpose.Synthetic, shards);
        return [.. Enumerable.Range(0, shards).Select(_ => Enumerable.Range(0, 1003).Select(_ => (float)random.NextDouble(-1, 1)).ToArray())];
    }
}
