using Spikeformer.Numerics;

namespace Spikeformer.Collectives.Plan;

/// <summary>Folds along the summation tree from values that are given for some of its nodes instead of its leaves.</summary>
internal static class NodeFold
{
    /// <summary>Returns a node's value: the given one, or left + right. As in <see cref="SummationTree.Fold"/>, null is the identity.</summary>
    /// <param name="node">The node to compute.</param>
    /// <param name="shards">V, the number of shards.</param>
    /// <param name="given">Values of nodes. A node below a given one needs no value.</param>
    /// <param name="add">Adds left and right.</param>
    public static T? Fold<T>(TreeNode node, int shards, IReadOnlyDictionary<TreeNode, T?> given, Func<T, T, T> add) where T : class
    {
        if (node.First >= shards) return null;
        if (given.TryGetValue(node, out T? value)) return value;
        if (node.Level == 0) return null;
        T? left = Fold(node.Left, shards, given, add), right = Fold(node.Right, shards, given, add);
        return left is null ? right : right is null ? left : add(left, right);
    }
}
