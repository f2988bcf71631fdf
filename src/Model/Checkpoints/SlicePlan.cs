namespace Spikeformer.Checkpoints;

/// <summary>A slice of a training state: the tensors of one file.</summary>
/// <param name="File">The file name, <c>GROUP-00001-of-00003.safetensors</c>.</param>
/// <param name="Tensors">The indices of its tensors in the state, ascending.</param>
/// <param name="Bytes">The size of their values in bytes.</param>
public sealed record Slice(string File, IReadOnlyList<int> Tensors, long Bytes);

/// <summary>Divides a training state into slices: a pure function of the tensors and the intended size, so every worker divides the same state into the same
/// files. Canonical order is the order of the state, grouped by group. A tensor is never divided.</summary>
public static class SlicePlan
{
    /// <summary>The default size of a slice in bytes, 64 MiB: large enough for few files, small enough to divide among writers and to resume a
    /// transfer.</summary>
    public const long DefaultSliceBytes = 64L << 20;

    /// <summary>Returns the slices in canonical order.</summary>
    /// <param name="state">The names, types and shapes of the tensors.</param>
    /// <param name="sliceBytes">The intended size of a slice in bytes, at least 1; only a slice with a single large tensor is larger.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="sliceBytes"/> is not positive.</exception>
    public static IReadOnlyList<Slice> Create(IReadOnlyList<TensorSpec> state, long sliceBytes = DefaultSliceBytes)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sliceBytes);
        var plan = new List<Slice>();
        foreach (var group in Enumerable.Range(0, state.Count).GroupBy(i => StateTensor.GroupOf(state[i].Name)))
        {
            var parts = Cut(group, state, sliceBytes);
            for (int i = 0; i < parts.Count; i++)
                plan.Add(new($"{group.Key}-{i + 1:D5}-of-{parts.Count:D5}.safetensors", parts[i], parts[i].Sum(t => state[t].Bytes)));
        }
        return plan;
    }

    private static List<List<int>> Cut(IEnumerable<int> tensors, IReadOnlyList<TensorSpec> state, long sliceBytes)
    {
        var parts = new List<List<int>>();
        long filled = 0;
        foreach (int tensor in tensors)
        {
            long bytes = state[tensor].Bytes;
            if (parts.Count == 0 || filled + bytes > sliceBytes)
            {
                parts.Add([]);
                filled = 0;
            }
            parts[^1].Add(tensor);
            filled += bytes;
        }
        return parts;
    }
}
