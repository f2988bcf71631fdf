using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Spikeformer.TestKit;

/// <summary>One array of a golden file.</summary>
/// <param name="DType">F32, F64, I64 or U8.</param>
/// <param name="Shape">Sizes of the axes; empty for a scalar.</param>
/// <param name="Bytes">The elements, row-major and little-endian.</param>
public sealed record GoldenTensor(string DType, long[] Shape, byte[] Bytes)
{
    /// <summary>Returns the elements of an F32 array.</summary>
    public float[] AsSingle() => Cast<float>("F32");

    /// <summary>Returns the elements of an F64 array.</summary>
    public double[] AsDouble() => Cast<double>("F64");

    /// <summary>Returns the elements of an I64 array.</summary>
    public long[] AsInt64() => Cast<long>("I64");

    private T[] Cast<T>(string dtype) where T : unmanaged => DType == dtype
        ? MemoryMarshal.Cast<byte, T>(Bytes).ToArray()
        : throw new InvalidOperationException($"The array holds {DType}, not {dtype}.");
}

/// <summary>A file in tests/Parity/Golden. Its reader shares no code with the product's safetensors reader.</summary>
public sealed class GoldenFile
{
    private GoldenFile(Dictionary<string, GoldenTensor> tensors, Dictionary<string, string> metadata) =>
        (Tensors, Metadata) = (tensors, metadata);

    /// <summary>All arrays by name.</summary>
    public IReadOnlyDictionary<string, GoldenTensor> Tensors { get; }

    /// <summary>Strings that describe how the file was made.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The array with a name.</summary>
    public GoldenTensor this[string name] => Tensors[name];

    /// <summary>The folder of all golden files.</summary>
    public static string Folder { get; } = Path.Combine(TestData.RepositoryRoot, "tests", "Parity", "Golden");

    /// <summary>Returns the path of a golden file in another format (csv, aedat).</summary>
    public static string PathOf(string fileName) => Path.Combine(Folder, fileName);

    /// <summary>Reads a safetensors file of the golden folder.</summary>
    /// <param name="name">File name, with or without <c>.safetensors</c>.</param>
    public static GoldenFile Load(string name)
    {
        byte[] file = File.ReadAllBytes(PathOf(name.EndsWith(".safetensors", StringComparison.Ordinal) ? name : name + ".safetensors"));
        int headerLength = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file));
        int data = 8 + headerLength;
        using var header = JsonDocument.Parse(file.AsMemory(8, headerLength));
        var tensors = new Dictionary<string, GoldenTensor>();
        var metadata = new Dictionary<string, string>();
        foreach (var entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
                foreach (var text in entry.Value.EnumerateObject()) metadata.Add(text.Name, text.Value.GetString()!);
            else
            {
                var offsets = entry.Value.GetProperty("data_offsets");
                tensors.Add(entry.Name, new(
                    entry.Value.GetProperty("dtype").GetString()!,
                    [.. entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())],
                    file[(data + offsets[0].GetInt32())..(data + offsets[1].GetInt32())]));
            }
        }
        return new(tensors, metadata);
    }
}
