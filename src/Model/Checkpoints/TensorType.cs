namespace Spikeformer.Checkpoints;

/// <summary>The element types of stored tensors. In upper case, their names are those of the safetensors format.</summary>
public enum TensorType
{
    /// <summary>64-bit float.</summary>
    F64,
    /// <summary>32-bit float.</summary>
    F32,
    /// <summary>16-bit IEEE float.</summary>
    F16,
    /// <summary>16-bit brain float, the upper half of a 32-bit float.</summary>
    BF16,
    /// <summary>64-bit signed integer.</summary>
    I64,
    /// <summary>32-bit signed integer.</summary>
    I32,
    /// <summary>16-bit signed integer.</summary>
    I16,
    /// <summary>8-bit signed integer.</summary>
    I8,
    /// <summary>64-bit unsigned integer.</summary>
    U64,
    /// <summary>32-bit unsigned integer.</summary>
    U32,
    /// <summary>16-bit unsigned integer.</summary>
    U16,
    /// <summary>8-bit unsigned integer.</summary>
    U8,
    /// <summary>One byte, 0 or 1.</summary>
    Bool,
}

/// <summary>The sizes and names of each <see cref="TensorType"/>.</summary>
public static class TensorTypes
{
    /// <summary>Returns the size of an element in bytes.</summary>
    /// <param name="type">The element type.</param>
    public static int Size(this TensorType type) => type switch
    {
        TensorType.F64 or TensorType.I64 or TensorType.U64 => 8,
        TensorType.F32 or TensorType.I32 or TensorType.U32 => 4,
        TensorType.F16 or TensorType.BF16 or TensorType.I16 or TensorType.U16 => 2,
        TensorType.I8 or TensorType.U8 or TensorType.Bool => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Unknown tensor type."),
    };

    /// <summary>Returns the type's name in a safetensors header.</summary>
    /// <param name="type">The element type.</param>
    public static string SafetensorsName(this TensorType type) => type is TensorType.Bool ? "BOOL" : type.ToString();

    /// <summary>Finds a type by its name in a safetensors header.</summary>
    /// <param name="name">The name, in upper case.</param>
    /// <param name="type">The type, if the result is true.</param>
    /// <returns>Whether the name is known.</returns>
    public static bool TryParse(string? name, out TensorType type)
    {
        type = Enum.GetValues<TensorType>().FirstOrDefault(candidate => candidate.SafetensorsName() == name);
        return type.SafetensorsName() == name;
    }
}
