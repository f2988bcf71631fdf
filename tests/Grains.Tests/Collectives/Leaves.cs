using System.IO.Hashing;
using System.Runtime.InteropServices;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Plan;
using Spikeformer.Numerics;

namespace Spikeformer.Grains.Tests.Collectives;

/// <summary>The shards' vectors, generated wherever they are needed. Their values span 16 binades, so every order of addition gives other bits.</summary>
internal static unsafe class Leaves
{
    public static float[] Of(int shard, int length, int seed = 0)
    {
        float[] leaf = GC.AllocateUninitializedArray<float>(length, pinned: true);
        ulong state = (ulong)(shard + 1) * 0x9E3779B97F4A7C15 + (ulong)seed;
        for (int i = 0; i < length; i++)
        {
            state = state * 6364136223846793005 + 1442695040888963407;
            uint bits = (uint)(state >> 32);
            leaf[i] = MathF.ScaleB(1f + (bits & 0x7FFFFF) / (float)0x800000, (int)(bits >> 23 & 15) - 8) * ((bits >> 27 & 1) == 0 ? 1 : -1);
        }
        return leaf;
    }

    /// <summary>The sum of all shards, computed with the model's own fold.</summary>
    public static float[] Sum(int shards, int length, int seed = 0) => Fold(SummationTree.Root(shards), shards, length, seed);

    /// <summary>A node's partial sum.</summary>
    public static float[] Fold(TreeNode node, int shards, int length, int seed = 0)
    {
        float[][] leaves = [.. Enumerable.Range(node.First, node.End(shards) - node.First).Select(v => Of(v, length, seed))];
        SummationTree.FoldInPlace(node, shards, v => (Address(leaves[v - node.First]), length));
        return leaves[0];
    }

    /// <summary>Address of a pinned array.</summary>
    public static nint Address(float[] pinned) => (nint)Unsafe(pinned);

    public static string Hash(ReadOnlySpan<float> values) => Convert.ToHexString(XxHash128.Hash(MemoryMarshal.AsBytes(values)));

    /// <summary>Reduces this rank's part of the leaves; returns the hash of the result.</summary>
    public static string Reduce(Group group, int length, long step = 1, ulong note = 0, Contributions? contributions = null, int seed = 0)
    {
        float[] result = GC.AllocateArray<float>(length, pinned: true);
        IReadOnlyList<Contribution> own = contributions?.Of(group.Plan.OwnRank) ?? group.OwnNodes;
        float[][] partials = [.. own.Select(c => Fold(c.Node, group.Plan.Shards, length, seed))];
        string[] before = [.. partials.Select(partial => Hash(partial))];
        try
        {
            group.AllReduce(step, note, [.. own.Select((c, i) => new NodeVector(c.Node, Address(partials[i])))], (float*)Address(result), length, contributions);
        }
        finally
        {
            if (!before.SequenceEqual(partials.Select(partial => Hash(partial)))) throw new InvalidOperationException("A partial sum was overwritten.");
        }
        return Hash(result);
    }

    private static float* Unsafe(float[] pinned)
    {
        fixed (float* pointer = pinned) return pointer;
    }
}
