using System.Runtime.InteropServices;
using Spikeformer.Collectives.Plan;
using Spikeformer.Numerics;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>
/// This worker's sums of a step that its generation could not finish, so that they need not be computed again. They depend on the state before
/// the step, on the recipe and on nothing else.
/// </summary>
/// <param name="length">Values of each sum.</param>
internal sealed unsafe class KeptSums(long length) : IDisposable
{
    /// <summary>Most sums that are kept: twice the depth of the largest tree, and then some from earlier attempts.</summary>
    public const int Most = 32;

    private readonly List<NodeVector> _sums = [];
    private long _step = -1;

    /// <summary>The nodes that are held of a step.</summary>
    public IReadOnlyList<TreeNode> Of(long step) => step == _step ? [.. _sums.Select(sum => sum.Node)] : [];

    /// <summary>A sum that is held, float32; valid until <see cref="Forget"/>.</summary>
    public NodeVector this[TreeNode node] => _sums.Single(sum => sum.Node == node);

    /// <summary>Copies sums; those of other steps go.</summary>
    public void Keep(long step, IReadOnlyList<NodeVector> sums)
    {
        if (step != _step) Forget();
        _step = step;
        foreach ((TreeNode node, nint values) in sums)
        {
            if (_sums.Count == Most || _sums.Any(sum => sum.Node == node)) continue;
            nuint bytes = (nuint)length * sizeof(float);
            void* copy = NativeMemory.AlignedAlloc(bytes, 64);
            NativeMemory.Copy((void*)values, copy, bytes);
            _sums.Add(new(node, (nint)copy));
        }
    }

    /// <summary>Gives the memory back: the step is committed, or the state that it was computed from cannot be trusted.</summary>
    public void Forget()
    {
        foreach (NodeVector sum in _sums) NativeMemory.AlignedFree((void*)sum.Values);
        _sums.Clear();
        _step = -1;
    }

    public void Dispose() => Forget();
}
