using Spikeformer.Numerics;

namespace Spikeformer.Collectives.Plan;

/// <summary>
/// How the survivors of a generation finish the step that it left: partial sums that somebody kept are used again, one contributor each, and
/// only the shards that nobody kept are computed again, by their new owners. The additions are those of the tree as ever, so the bits are too.
/// </summary>
/// <remarks>A pure function of what every member tells every other when they align: all members come to the same plan by themselves.</remarks>
public sealed class RecoveryPlan
{
    private RecoveryPlan(Contributions contributions, IReadOnlySet<TreeNode> kept) => (Contributions, Kept) = (contributions, kept);

    /// <summary>Who brings which node into the reduction.</summary>
    public Contributions Contributions { get; }

    /// <summary>Those of the nodes that are not computed again.</summary>
    public IReadOnlySet<TreeNode> Kept { get; }

    /// <summary>Shards that are not computed again.</summary>
    public int KeptShards => Kept.Sum(node => node.End(Contributions.Shards) - node.First);

    /// <summary>Makes the plan.</summary>
    /// <param name="plan">The new generation.</param>
    /// <param name="held">By rank: the nodes of the step whose sums a member holds.</param>
    /// <param name="isCoupled">Whether shards can only be computed all together (global BatchNorm): then what was kept serves only if it is
    /// everything.</param>
    /// <returns>The plan, or null when all shards are to be computed again.</returns>
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
