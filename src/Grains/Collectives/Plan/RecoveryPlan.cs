using Spikeformer.Numerics;

namespace Spikeformer.Collectives.Plan;

/// <summary>
/// How the survivors of a generation finish the step that it did not complete. Partial sums that a member kept are used again, each by one
/// contributor. The other shards are computed again by their new owners. The additions follow the tree as always, so the bits are the same.
/// </summary>
/// <remarks>The plan is a pure function of the state that the members exchange when they align, so all of them make the same plan.</remarks>
internal sealed class RecoveryPlan
{
    private RecoveryPlan(Contributions contributions, IReadOnlySet<TreeNode> kept) => (Contributions, Kept) = (contributions, kept);

    /// <summary>The contributor of each node in the reduction.</summary>
    public Contributions Contributions { get; }

    /// <summary>Nodes whose partial sums were kept.</summary>
    public IReadOnlySet<TreeNode> Kept { get; }

    /// <summary>Number of shards that are not computed again.</summary>
    public int KeptShards => Kept.Sum(node => node.End(Contributions.Shards) - node.First);

    /// <summary>Makes the plan.</summary>
    /// <param name="plan">The new generation.</param>
    /// <param name="held">For each rank, the nodes of the step whose partial sums the member holds.</param>
    /// <param name="isCoupled">Whether shards can only be computed all together (global BatchNorm). Kept sums are then useful only if they cover all
    /// shards.</param>
    /// <returns>The plan, or null when all shards must be computed again.</returns>
    public static RecoveryPlan? Of(GroupPlan plan, IReadOnlyList<IReadOnlyList<TreeNode>> held, bool isCoupled)
    {
        var holders = new Dictionary<TreeNode, int>();
        for (int rank = 0; rank < held.Count; rank++)
            foreach (TreeNode node in held[rank]) holders.TryAdd(node, rank);
        var contributions = new List<Contribution>();
        Add(SummationTree.Root(plan.Shards));
        HashSet<TreeNode> kept = [.. contributions.Where(one => holders.ContainsKey(one.Node)).Select(one => one.Node)];
        bool isWhole = contributions.Count == kept.Count;
        return kept.Count == 0 || isCoupled && !isWhole ? null : new(new(contributions, plan.Shards, plan.WorldSize), kept);

        void Add(TreeNode node)
        {
            int end = node.End(plan.Shards);
            if (node.First >= end) return;
            if (holders.TryGetValue(node, out int holder)) contributions.Add(new(node, holder));
            else if (OwnerOf(node.First) is var owner && (node.Level == 0 || owner == OwnerOf(end - 1) && !holders.Keys.Any(IsInside)))
                contributions.Add(new(node, owner));
            else
            {
                Add(node.Left);
                Add(node.Right);
            }

            bool IsInside(TreeNode other) => other.First >= node.First && other.End(plan.Shards) <= end;
        }

        int OwnerOf(int shard)
        {
            int rank = 0;
            while (shard >= plan.Members[rank].EndShard) rank++;
            return rank;
        }
    }
}
