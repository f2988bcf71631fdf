using System.Buffers.Binary;
using System.Text.Encodings.Web;

namespace Spikeformer.Checkpoints;

/// <summary>Writes the safetensors format, which PyTorch and other programs read: the header length in eight bytes, a JSON header, the values. The same tensors
/// and metadata always give the same bytes.</summary>
/// <remarks>Source: https://github.com/huggingface/safetensors#format. Values are stored without gaps, wide element types first, so each tensor
/// is aligned to its element size. The header is padded so that the values begin at a multiple of 64 bytes.</remarks>
public static class SafetensorsWriter
{
    internal const string MetadataKey = "__metadata__";
    internal const int Alignment = 64;
    private static readonly JsonWriterOptions HeaderOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes tensors to a stream.</summary>
    /// <param name="stream">The stream, written from start to end; not disposed.</param>
    /// <param name="tensors">The tensors, at least one.</param>
    /// <param name="metadata">Texts for the header, by name; written in ordinal order.</param>
    /// <exception cref="ArgumentException">Names are equal or empty, or data do not fit their shape.</exception>
    public static void Write(Stream stream, IReadOnlyList<StateTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        StateTensor.Validate(tensors);
        var ordered = tensors.OrderByDescending(tensor => tensor.Type.Size()).ToList();
        byte[] header = Header(ordered, metadata ?? new Dictionary<string, string>());
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (StateTensor tensor in ordered) stream.Write(tensor.Data.Span);
    }

    private static byte[] Header(List<StateTensor> ordered, IReadOnlyDictionary<string, string> metadata)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, HeaderOptions))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(MetadataKey);
                foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (StateTensor tensor in ordered)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.SafetensorsName());
                WriteNumbers(json, "shape", tensor.Shape);
                WriteNumbers(json, "data_offsets", [offset, offset + tensor.Data.Length]);
                json.WriteEndObject();
                offset += tensor.Data.Length;
            }
            json.WriteEndObject();
        }
        while ((sizeof(ulong) + bytes.Length) % Alignment != 0) bytes.WriteByte((byte)' ');
        return bytes.ToArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IEnumerable<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers) json.WriteNumberValue(number);
        json.WriteEndArray();
    }
}
