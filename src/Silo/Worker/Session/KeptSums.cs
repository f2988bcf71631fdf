using System.Runtime.InteropServices;
using Spikeformer.Numerics;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>This worker's sums of a step that its generation could not finish, kept so that they are not computed again. They depend only on the recipe and
/// on the state before the step.</summary>
internal sealed unsafe class KeptSums(long length) : IDisposable
{
    /// <summary>The most sums to keep: twice the depth of the largest tree, and some from earlier attempts.</summary>
    public const int MaxCount = 32;

    private readonly List<NodeVector> _sums = [];
    private long _step = -1;

    /// <summary>The nodes whose sums of a step are kept.</summary>
    public IReadOnlyList<TreeNode> Of(long step) => step == _step ? [.. _sums.Select(sum => sum.Node)] : [];

    /// <summary>A kept sum, float32; valid until <see cref="Forget"/>.</summary>
    public NodeVector this[TreeNode node] => _sums.Single(sum => sum.Node == node);

    /// <summary>Keeps copies of sums, and frees those of other steps.</summary>
    public void Keep(long step, IReadOnlyList<NodeVector> sums)
    {
        if (step != _step) Forget();
        _step = step;
        foreach ((TreeNode node, nint values) in sums)
        {
            if (_sums.Count == MaxCount || _sums.Any(sum => sum.Node == node)) continue;
            nuint bytes = (nuint)length * sizeof(float);
            void* copy = NativeMemory.AlignedAlloc(bytes, 64);
            NativeMemory.Copy((void*)values, copy, bytes);
            _sums.Add(new(node, (nint)copy));
        }
    }

    /// <summary>Frees all sums: the step is committed, or the state that they were computed from cannot be trusted.</summary>
    public void Forget()
    {
        foreach (NodeVector sum in _sums) NativeMemory.AlignedFree((void*)sum.Values);
        _sums.Clear();
        _step = -1;
    }

    public void Dispose() => Forget();
}
