using Spikeformer.Numerics;

namespace Spikeformer.Collectives.Plan;

/// <summary>The summation tree over values that are given for some of its nodes instead of its leaves.</summary>
internal static class NodeFold
{
    /// <summary>A node's value: given, or left + right. As in <see cref="SummationTree.Fold"/> null is the identity.</summary>
    /// <param name="node">The node to compute.</param>
    /// <param name="shards">V.</param>
    /// <param name="given">Values of nodes; below a node that is looked up they need not exist.</param>
    /// <param name="add">Left and right to their sum.</param>
    public static T? Fold<T>(TreeNode node, int shards, IReadOnlyDictionary<TreeNode, T?> given, Func<T, T, T> add) where T : class
    {
        if (node.First >= shards) return null;
        if (given.TryGetValue(node, out T? value)) return value;
        if (node.Level == 0) return null;
        T? left = Fold(node.Left, shards, given, add), right = Fold(node.Right, shards, given, add);
        return left is null ? right : right is null ? left : add(left, right);
    }
}
