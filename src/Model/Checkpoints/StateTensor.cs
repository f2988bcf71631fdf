using System.Text.RegularExpressions;

namespace Spikeformer.Checkpoints;

/// <summary>The name, element type and shape of a tensor, without its values.</summary>
/// <param name="Name">The tensor's name in the training state.</param>
/// <param name="Type">The element type.</param>
/// <param name="Shape">The sizes of the dimensions; empty for a scalar.</param>
public sealed record TensorSpec(string Name, TensorType Type, IReadOnlyList<long> Shape)
{
    /// <summary>The size of the tensor's values in bytes.</summary>
    /// <exception cref="OverflowException">The size exceeds 2^63-1 bytes.</exception>
    public long Bytes => Shape.Aggregate((long)Type.Size(), (product, size) => checked(product * size));

    /// <summary>Type and shape as text: <c>F32 [64, 2, 3, 3]</c>.</summary>
    public string Layout => $"{Type.SafetensorsName()} [{string.Join(", ", Shape)}]";
}

/// <summary>A logical tensor of the training state: a parameter or buffer of the network under the authors' name, an optimizer's moment under
/// <c>optimizer/exp_avg/NAME</c>, <c>optimizer/exp_avg_sq/NAME</c> or <c>optimizer/momentum_buffer/NAME</c>, or an optimizer's counter.</summary>
/// <param name="Name">The unique name in the state. The part before the first slash is the group; the network's tensors have no slash.</param>
/// <param name="Type">The element type.</param>
/// <param name="Shape">The sizes of the dimensions; empty for a scalar.</param>
/// <param name="Data">The values in C order, little-endian. They may be in native memory, which must stay alive while this is used.</param>
public sealed partial record StateTensor(string Name, TensorType Type, IReadOnlyList<long> Shape, ReadOnlyMemory<byte> Data)
{
    /// <summary>The group of the network's own tensors.</summary>
    public const string NetworkGroup = "model";

    /// <summary>The name, type and shape.</summary>
    public TensorSpec Spec => new(Name, Type, Shape);

    /// <summary>The group whose slices contain this tensor: the text before the first slash, or <c>model</c> for the network's tensors.</summary>
    public string Group => GroupOf(Name);

    internal static string GroupOf(string name) => name.IndexOf('/') is var slash && slash < 0 ? NetworkGroup : name[..slash];

    /// <summary>Checks a state before it is written: one that could not be read back is refused.</summary>
    /// <exception cref="ArgumentException">There are no tensors, names are equal, a name or group cannot be stored, or data do not fit their shape.</exception>
    internal static void Validate(IReadOnlyList<StateTensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Count == 0) throw new ArgumentException("The state holds no tensors.", nameof(state));
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (StateTensor tensor in state)
        {
            if (tensor.Name is "" or SafetensorsWriter.MetadataKey || !GroupPattern().IsMatch(tensor.Group))
                throw new ArgumentException($"'{tensor.Name}' is not a valid tensor name.", nameof(state));
            if (!names.Add(tensor.Name)) throw new ArgumentException($"Two tensors are named '{tensor.Name}'.", nameof(state));
            if (tensor.Shape.Any(size => size < 0) || tensor.Spec.Bytes != tensor.Data.Length)
                throw new ArgumentException($"'{tensor.Name}' is {tensor.Spec.Layout} but has {tensor.Data.Length} bytes.", nameof(state));
        }
    }

    [GeneratedRegex(@"\A[a-z]{1,32}\z")]
    private static partial Regex GroupPattern();
}
