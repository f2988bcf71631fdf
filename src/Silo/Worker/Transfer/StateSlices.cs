using System.IO.Hashing;
using Spikeformer.Checkpoints;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>How a state is cut into slices for the way from one worker to another: by tensors, so that all workers of a run cut it alike.</summary>
/// <param name="specs">The state's tensors in canonical order.</param>
/// <param name="sliceBytes">Wanted bytes of a slice; only one of a single large tensor is larger.</param>
internal sealed class StateSlices(IReadOnlyList<TensorSpec> specs, long sliceBytes = StateSlices.DefaultBytes)
{
    /// <summary>Large enough that asking costs little, small enough that several members share the work, and that the loss of one costs little.</summary>
    public const long DefaultBytes = 4L << 20;

    private readonly IReadOnlyList<Slice> _plan = SlicePlan.Create(specs, sliceBytes);

    /// <summary>How many slices there are.</summary>
    public int Count => _plan.Count;

    /// <summary>Bytes of a slice.</summary>
    public long Bytes(int slice) => _plan[slice].Bytes;

    /// <summary>A slice's tensors, one after the other.</summary>
    /// <param name="tensors">The state.</param>
    /// <param name="slice">Which one.</param>
    public IReadOnlyList<ReadOnlyMemory<byte>> Parts(IReadOnlyList<StateTensor> tensors, int slice) => [.. _plan[slice].Tensors.Select(tensor => tensors[tensor].Data)];

    /// <summary>The name of a slice's bytes.</summary>
    public static UInt128 Hash(IReadOnlyList<ReadOnlyMemory<byte>> parts)
    {
        var hash = new XxHash128();
        foreach (ReadOnlyMemory<byte> part in parts) hash.Append(part.Span);
        return hash.GetCurrentHashAsUInt128();
    }

    /// <summary>The state that slices make up.</summary>
    /// <param name="slices">Bytes of all slices in order; the tensors lie in them.</param>
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
