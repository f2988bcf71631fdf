namespace Spikeformer.Checkpoints;

/// <summary>One slice of a training state: the tensors of one file.</summary>
/// <param name="File">File name, <c>GROUP-00001-of-00003.safetensors</c>.</param>
/// <param name="Tensors">Indices of its tensors in the state, ascending.</param>
/// <param name="Bytes">Bytes of their values.</param>
public sealed record Slice(string File, IReadOnlyList<int> Tensors, long Bytes);

/// <summary>
/// Cuts a training state into slices. A pure function of the tensors and the wanted size, so the same state gives the same files whoever
/// saves it: canonical order is the order of the state, gathered by group; a tensor is never cut.
/// </summary>
public static class SlicePlan
{
    /// <summary>Wanted size of a slice, in bytes: large enough that files are few, small enough to spread over writers and to resume a
    /// transfer.</summary>
    public const long DefaultSliceBytes = 64L << 20;

    /// <summary>The slices in canonical order.</summary>
    /// <param name="state">The tensors; only their names, types and shapes matter.</param>
    /// <param name="sliceBytes">Wanted bytes per slice, at least 1; only a slice of one large tensor is larger.</param>
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
