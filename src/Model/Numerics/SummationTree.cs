namespace Spikeformer.Numerics;

/// <summary>A node of the summation tree: level l, index i covers shards [i 2^l, min(V, (i+1) 2^l)).</summary>
/// <param name="Level">l; 0 is a single shard.</param>
/// <param name="Index">i.</param>
public readonly record struct TreeNode(int Level, int Index)
{
    /// <summary>First shard covered.</summary>
    public int First => Index << Level;

    /// <summary>One past the last shard covered.</summary>
    /// <param name="shards">V.</param>
    public int End(int shards) => (int)Math.Min(shards, (long)(Index + 1) << Level);
}

/// <summary>
/// The one order in which anything is summed over the V shards: a binary tree that depends on V alone. A node is left + right; where the
/// right child lies beyond V, the node is its left child. Whoever owns which shards, the same additions give the same bits.
/// </summary>
public static class SummationTree
{
    /// <summary>The root: covers all shards.</summary>
    public static TreeNode Root(int shards)
    {
        int level = 0;
        while (1 << level < shards) level++;
        return new(level, 0);
    }

    /// <summary>The fewest tree nodes that together cover exactly the shards [first, end), in shard order.</summary>
    /// <remarks>Nodes cut by V count as whole: [4, 6) of V = 6 is the one node (2, 1).</remarks>
    public static IReadOnlyList<TreeNode> Cover(int first, int end, int shards)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, shards);
        var nodes = new List<TreeNode>();
        while (first < end)
        {
            var node = new TreeNode(0, first);
            while ((node.Index & 1) == 0 && new TreeNode(node.Level + 1, node.Index >> 1) is var parent && parent.End(shards) <= end
                && node.End(shards) < shards)
                node = parent;
            nodes.Add(node);
            first = node.End(shards);
        }
        return nodes;
    }

    /// <summary>Folds values along the tree; a missing value (null) is the identity.</summary>
    /// <param name="leaves">One value per shard, V in all.</param>
    /// <param name="add">left, right to their sum.</param>
    /// <returns>The sum, or null if every leaf is null.</returns>
    public static T? Fold<T>(IReadOnlyList<T?> leaves, Func<T, T, T> add) where T : class
    {
        return Sum(Root(leaves.Count));

        T? Sum(TreeNode node)
        {
            if (node.First >= leaves.Count) return null;
            if (node.Level == 0) return leaves[node.Index];
            T? left = Sum(new(node.Level - 1, 2 * node.Index)), right = Sum(new(node.Level - 1, 2 * node.Index + 1));
            return left is null ? right : right is null ? left : add(left, right);
        }
    }

    /// <summary>Sums float32 vectors along the part of the tree below a node, into the leaves' own memory.</summary>
    /// <param name="node">The node to compute.</param>
    /// <param name="shards">V.</param>
    /// <param name="leaf">The vector of a shard, all of one length. Inner sums overwrite the left operand, so the result is in the vector of
    /// the node's first shard and the others are left in pieces.</param>
    public static unsafe void FoldInPlace(TreeNode node, int shards, Func<int, (nint Pointer, long Length)> leaf)
    {
        if (node.Level == 0) return;
        TreeNode left = new(node.Level - 1, 2 * node.Index), right = new(node.Level - 1, 2 * node.Index + 1);
        FoldInPlace(left, shards, leaf);
        if (right.First >= shards) return;
        FoldInPlace(right, shards, leaf);
        (nint into, long length) = leaf(left.First);
        VectorMath.Add((float*)into, (float*)leaf(right.First).Pointer, (float*)into, length);
    }
}
