using Spikeformer.Numerics;

namespace Spikeformer.Collectives.Plan;

/// <summary>A tree node and the rank that contributes its partial sum to a reduction.</summary>
/// <param name="Node">The node.</param>
/// <param name="Rank">The contributor.</param>
internal readonly record struct Contribution(TreeNode Node, int Rank);

/// <summary>A rank's partial sum of one tree node, float32. The caller owns the memory; a reduction only reads it.</summary>
/// <param name="Node">The node.</param>
/// <param name="Values">Address of the first value. There are as many values as the reduction has elements.</param>
internal readonly record struct NodeVector(TreeNode Node, nint Values);

/// <summary>The contributor of each tree node in a reduction. The nodes are disjoint and cover [0, V). A rank may contribute none.</summary>
internal sealed class Contributions
{
    private readonly Contribution[][] _byRank;
    private readonly int[] _firstOfRank;

    /// <summary>Checks and orders the contributions to one reduction. They may be given in any order.</summary>
    /// <exception cref="ArgumentException">Nodes overlap or leave a gap, or a rank does not exist.</exception>
    public Contributions(IEnumerable<Contribution> contributions, int shards, int worldSize)
    {
        Shards = shards;
        All = [.. contributions.OrderBy(c => c.Node.First)];
        int next = 0, top = SummationTree.Root(shards).Level;
        foreach ((TreeNode node, int rank) in All)
        {
            if (node.Level > top) throw new ArgumentException($"Node {node} is above the root of {shards} shards.");
            if (node.First != next) throw new ArgumentException($"Shard {Math.Min(next, node.First)} has {(node.First < next ? "two contributors" : "none")}.");
            if ((uint)rank >= worldSize) throw new ArgumentException($"Rank {rank} is not one of {worldSize}.");
            next = node.End(shards);
        }
        if (next != shards) throw new ArgumentException($"Shard {next} has no contributor.");
        _byRank = [.. Enumerable.Range(0, worldSize).Select(rank => All.Where(c => c.Rank == rank).ToArray())];
        _firstOfRank = [.. Enumerable.Range(0, worldSize).Select(rank => _byRank.Take(rank).Sum(nodes => nodes.Length))];
        Order = [.. All.Select(c => _firstOfRank[c.Rank] + Array.IndexOf(_byRank[c.Rank], c))];
    }

    /// <summary>The contributions of an undisturbed step: every member contributes the fewest nodes that cover its own block.</summary>
    public static Contributions OfBlocks(GroupPlan plan) => new(plan.Members.SelectMany((member, rank) =>
        SummationTree.Cover(member.FirstShard, member.EndShard, plan.Shards).Select(node => new Contribution(node, rank))), plan.Shards, plan.WorldSize);

    /// <summary>V, the number of shards.</summary>
    public int Shards { get; }

    /// <summary>All contributions in shard order.</summary>
    public IReadOnlyList<Contribution> All { get; }

    /// <summary>A rank's nodes in shard order.</summary>
    public IReadOnlyList<Contribution> Of(int rank) => _byRank[rank];

    /// <summary>Position of a rank's first node when the nodes are listed rank by rank.</summary>
    public int FirstOf(int rank) => _firstOfRank[rank];

    /// <summary>For each node in shard order: its position when the nodes are listed rank by rank.</summary>
    public int[] Order { get; }
}
