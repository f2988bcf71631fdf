using Spikeformer.Numerics;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>A voter's work in one step.</summary>
/// <param name="Nodes">The tree nodes whose sums it contributes.</param>
/// <param name="Due">Those of them that are not kept from an earlier generation.</param>
/// <param name="Shards">The shards below the due nodes, ascending: to be computed.</param>
internal sealed record StepWork(IReadOnlyList<TreeNode> Nodes, IReadOnlyList<TreeNode> Due, int[] Shards)
{
    /// <summary>The work in a step.</summary>
    /// <param name="own">This worker in its generation.</param>
    /// <param name="shards">V.</param>
    /// <param name="recovery">How to finish a step that an earlier generation left; null for a whole step.</param>
    public static StepWork Of(PlanMember own, int shards, RecoveryPlan? recovery)
    {
        IReadOnlyList<TreeNode> nodes = recovery is null
            ? SummationTree.Cover(own.FirstShard, own.EndShard, shards)
            : [.. recovery.Contributions.Of(own.Rank).Select(one => one.Node)];
        TreeNode[] due = [.. nodes.Where(node => recovery is null || !recovery.Kept.Contains(node))];
        return new(nodes, due, [.. due.SelectMany(node => Enumerable.Range(node.First, node.End(shards) - node.First))]);
    }
}
