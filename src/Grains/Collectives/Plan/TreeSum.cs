using System.Runtime.InteropServices;
using Spikeformer.Numerics;

namespace Spikeformer.Collectives.Plan;

/// <summary>Adds contributed vectors in the order of the summation tree, with the same additions as <see cref="SummationTree.FoldInPlace"/>.</summary>
internal sealed unsafe class TreeSum : IDisposable
{
    /// <summary>Elements that are added at a time, so that intermediate values stay in the first-level cache.</summary>
    private const int StretchLength = 2048;

    private readonly List<Addition> _additions = [];
    private readonly int _root;
    private readonly float* _scratch;

    public TreeSum(Contributions contributions)
    {
        var position = new Dictionary<TreeNode, int>();
        for (int i = 0; i < contributions.All.Count; i++) position[contributions.All[i].Node] = contributions.Order[i];
        TreeNode root = SummationTree.Root(contributions.Shards);
        _root = Compile(root);
        _scratch = (float*)NativeMemory.AlignedAlloc((nuint)((root.Level + 1) * StretchLength * sizeof(float)), 64);

        int Compile(TreeNode node)
        {
            if (position.TryGetValue(node, out int source)) return ~source;
            if (node.Right.First >= contributions.Shards) return Compile(node.Left);
            var addition = new Addition(Compile(node.Left), Compile(node.Right), node.Level);
            _additions.Add(addition);
            return _additions.Count - 1;
        }
    }

    /// <summary>Adds some elements of all vectors.</summary>
    /// <param name="sources">Each contributed vector's first element, listed rank by rank.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="sum">Receives the sum; must not be one of the sources.</param>
    public void Add(float** sources, long count, float* sum)
    {
        for (long offset = 0; offset < count; offset += StretchLength)
        {
            int stretch = (int)Math.Min(StretchLength, count - offset);
            float* value = Value(_root, sources, offset, stretch, sum + offset);
            if (value != sum + offset) Buffer.MemoryCopy(value, sum + offset, stretch * sizeof(float), stretch * sizeof(float));
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(_scratch);

    /// <summary>Returns the address of a node's value: the contributed vector, or <paramref name="into"/> after computing it there.</summary>
    private float* Value(int node, float** sources, long offset, int count, float* into)
    {
        if (node < 0) return sources[~node] + offset;
        Addition addition = _additions[node];
        float* left = Value(addition.Left, sources, offset, count, into);
        float* right = Value(addition.Right, sources, offset, count, _scratch + addition.Level * StretchLength);
        VectorMath.Add(left, right, into, count);
        return into;
    }

    /// <summary>One addition. Each child is the index of an addition or, complemented, of a source.</summary>
    private readonly record struct Addition(int Left, int Right, int Level);
}
