namespace Spikeformer.Numerics;

/// <summary>A node of the summation tree. The node of level l and index i covers the shards [i 2^l, min(V, (i+1) 2^l)).</summary>
/// <param name="Level">Level l; 0 is a single shard.</param>
/// <param name="Index">Index i within the level.</param>
public readonly record struct TreeNode(int Level, int Index)
{
    /// <summary>The first shard covered.</summary>
    public int First => Index << Level;

    /// <summary>The child that covers the first half of this node's shards. A node of level 0 has no children.</summary>
    public TreeNode Left => new(Level - 1, 2 * Index);

    /// <summary>The child that covers the second half; it may lie beyond the last shard. A node of level 0 has no children.</summary>
    public TreeNode Right => new(Level - 1, 2 * Index + 1);

    /// <summary>The node of which this one is a child.</summary>
    public TreeNode Parent => new(Level + 1, Index >> 1);

    /// <summary>Returns the shard after the last one covered.</summary>
    /// <param name="shards">The number of shards V.</param>
    public int End(int shards) => (int)Math.Min(shards, (long)(Index + 1) << Level);

    /// <summary>Returns the node as <c>(l, i)</c>. A record's own text would contain all relatives of the node, without end.</summary>
    public override string ToString() => $"({Level}, {Index})";
}

/// <summary>The only order in which anything is summed over the V shards: a binary tree that depends on V alone. A node is the sum of its left and right child,
/// or its left child where the right child lies beyond V. The owners of the shards do not matter: the same additions give the same bits.</summary>
public static class SummationTree
{
    /// <summary>Returns the root, which covers all shards.</summary>
    public static TreeNode Root(int shards)
    {
        int level = 0;
        while (1 << level < shards) level++;
        return new(level, 0);
    }

    /// <summary>Returns the fewest tree nodes that together cover exactly the shards [first, end), in shard order.</summary>
    /// <remarks>A node that V cuts off counts as a whole: [4, 6) of V = 6 is the single node (1, 2).</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The block lies outside the V shards.</exception>
    public static IReadOnlyList<TreeNode> Cover(int first, int end, int shards)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, shards);
        var nodes = new List<TreeNode>();
        while (first < end)
        {
            var node = new TreeNode(0, first);
            while ((node.Index & 1) == 0 && node.Parent.End(shards) <= end && node.End(shards) < shards) node = node.Parent;
            nodes.Add(node);
            first = node.End(shards);
        }
        return nodes;
    }

    /// <summary>Sums values along the tree; a missing value (null) is the identity.</summary>
    /// <param name="leaves">One value per shard, V in all.</param>
    /// <param name="add">Returns the sum of a left and a right value.</param>
    /// <returns>The sum, or null if every leaf is null.</returns>
    public static T? Fold<T>(IReadOnlyList<T?> leaves, Func<T, T, T> add) where T : class
    {
        return Sum(Root(leaves.Count));

        T? Sum(TreeNode node)
        {
            if (node.First >= leaves.Count) return null;
            if (node.Level == 0) return leaves[node.Index];
            T? left = Sum(node.Left), right = Sum(node.Right);
            return left is null ? right : right is null ? left : add(left, right);
        }
    }

    /// <summary>Sums float32 vectors along the part of the tree below a node, into the leaves' own memory.</summary>
    /// <param name="node">The node to compute.</param>
    /// <param name="shards">The number of shards V.</param>
    /// <param name="leaf">Returns the vector of a shard; all have the same length. Each addition overwrites its left operand, so the result is
    /// in the vector of the node's first shard, and the other vectors hold partial sums.</param>
    public static unsafe void FoldInPlace(TreeNode node, int shards, Func<int, (nint Pointer, long Length)> leaf)
    {
        if (node.Level == 0) return;
        FoldInPlace(node.Left, shards, leaf);
        if (node.Right.First >= shards) return;
        FoldInPlace(node.Right, shards, leaf);
        (nint into, long length) = leaf(node.First);
        VectorMath.Add((float*)into, (float*)leaf(node.Right.First).Pointer, (float*)into, length);
    }
}
