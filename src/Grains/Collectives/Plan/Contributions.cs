using Spikeformer.Numerics;

namespace Spikeformer.Collectives.Plan;

/// <summary>A tree node and the rank that brings its partial sum into a reduction.</summary>
/// <param name="Node">The node.</param>
/// <param name="Rank">The contributor.</param>
public readonly record struct Contribution(TreeNode Node, int Rank);

/// <summary>A rank's partial sum of one tree node: float32 memory that the caller owns and that a reduction only reads.</summary>
/// <param name="Node">The node.</param>
/// <param name="Values">Address of the first value; as many values as the reduction is long.</param>
public readonly record struct NodeVector(TreeNode Node, nint Values);

/// <summary>Who brings which tree nodes: disjoint, together all of [0, V). A rank may bring none.</summary>
public sealed class Contributions
{
    private readonly Contribution[][] _byRank;
    private readonly int[] _firstOfRank;

    /// <summary>Checks and orders a plan for a recovery, where partial sums of the last generation are used again.</summary>
    /// <param name="contributions">The nodes, in any order.</param>
    /// <param name="shards">V.</param>
    /// <param name="worldSize">W.</param>
    /// <exception cref="ArgumentException">They overlap, leave a gap, or name a rank that there is not.</exception>
    public Contributions(IEnumerable<Contribution> contributions, int shards, int worldSize)
    {
        Shards = shards;
        All = [.. contributions.OrderBy(c => c.Node.First)];
        int next = 0, top = SummationTree.Root(shards).Level;
        foreach ((TreeNode node, int rank) in All)
        {
            if (node.Level > top) throw new ArgumentException($"{node} lies above the root of {shards} shards.");
            if (node.First != next) throw new ArgumentException($"Shard {Math.Min(next, node.First)} has {(node.First < next ? "two contributors" : "none")}.");
            if ((uint)rank >= worldSize) throw new ArgumentException($"Rank {rank} is not one of {worldSize}.");
            next = node.End(shards);
        }
        if (next != shards) throw new ArgumentException($"Shard {next} has no contributor.");
        _byRank = [.. Enumerable.Range(0, worldSize).Select(rank => All.Where(c => c.Rank == rank).ToArray())];
        // Messages of all ranks one after the other: where a rank's nodes begin.
        _firstOfRank = [.. Enumerable.Range(0, worldSize).Select(rank => _byRank.Take(rank).Sum(nodes => nodes.Length))];
        Order = [.. All.Select(c => _firstOfRank[c.Rank] + Array.IndexOf(_byRank[c.Rank], c))];
    }

    /// <summary>Every member brings the fewest nodes that cover its own block.</summary>
    public static Contributions OfBlocks(GroupPlan plan) => new(plan.Members.SelectMany((member, rank) =>
        SummationTree.Cover(member.FirstShard, member.EndShard, plan.Shards).Select(node => new Contribution(node, rank))), plan.Shards, plan.WorldSize);

    /// <summary>V.</summary>
    public int Shards { get; }

    /// <summary>All of them in shard order.</summary>
    public IReadOnlyList<Contribution> All { get; }

    /// <summary>A rank's nodes in shard order.</summary>
    public IReadOnlyList<Contribution> Of(int rank) => _byRank[rank];

    /// <summary>Position of a rank's first node when the nodes are listed rank by rank.</summary>
    internal int FirstOf(int rank) => _firstOfRank[rank];

    /// <summary>For each node in shard order: its position when the nodes are listed rank by rank.</summary>
    internal int[] Order { get; }
}
