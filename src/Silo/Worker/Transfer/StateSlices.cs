using System.IO.Hashing;
using Spikeformer.Checkpoints;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>Cuts a state into slices for the transfer between workers: by tensors, so that all workers of a run cut it in the same way.</summary>
/// <param name="specs">The state's tensors in canonical order.</param>
/// <param name="sliceBytes">Target bytes of a slice; only a slice of a single large tensor is larger.</param>
internal sealed class StateSlices(IReadOnlyList<TensorSpec> specs, long sliceBytes = StateSlices.DefaultBytes)
{
    /// <summary>Large enough to make requests cheap; small enough to share the work among members, and to lose little with one of them.</summary>
    public const long DefaultBytes = 4L << 20;

    private readonly IReadOnlyList<Slice> _plan = SlicePlan.Create(specs, sliceBytes);

    public int Count => _plan.Count;

    public long Bytes(int slice) => _plan[slice].Bytes;

    /// <summary>The tensors of a slice, one after the other.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Parts(IReadOnlyList<StateTensor> tensors, int slice) => [.. _plan[slice].Tensors.Select(tensor => tensors[tensor].Data)];

    /// <summary>The hash that identifies a slice.</summary>
    public static UInt128 Hash(IReadOnlyList<ReadOnlyMemory<byte>> parts)
    {
        var hash = new XxHash128();
        foreach (ReadOnlyMemory<byte> part in parts) hash.Append(part.Span);
        return hash.GetCurrentHashAsUInt128();
    }

    /// <summary>Joins slices to a state.</summary>
    /// <param name="slices">Bytes of all slices in order; the tensors share their memory.</param>
    public IReadOnlyList<StateTensor> Join(IReadOnlyList<byte[]> slices)
    {
        var tensors = new StateTensor[specs.Count];
        foreach ((Slice slice, byte[] bytes) in _plan.Zip(slices))
        {
            int at = 0;
            foreach (int tensor in slice.Tensors)
            {
                TensorSpec spec = specs[tensor];
                int length = checked((int)spec.Bytes);
                tensors[tensor] = new(spec.Name, spec.Type, spec.Shape, bytes.AsMemory(at, length));
                at += length;
            }
        }
        return tensors;
    }
}
