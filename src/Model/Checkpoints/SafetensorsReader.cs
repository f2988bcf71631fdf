using System.Buffers.Binary;

namespace Spikeformer.Checkpoints;

/// <summary>The content of a safetensors file.</summary>
/// <param name="Tensors">The tensors in the order of their values in the file.</param>
/// <param name="Metadata">The texts in the header, by name.</param>
public sealed record SafetensorsContent(IReadOnlyList<StateTensor> Tensors, IReadOnlyDictionary<string, string> Metadata);

/// <summary>Reads the safetensors format without trusting the file: every length, offset, type, shape and name is checked before memory is allocated. Errors
/// name the file and the byte.</summary>
public static class SafetensorsReader
{
    /// <summary>The largest header in bytes, a limit of the format.</summary>
    public const int MaxHeaderBytes = 100_000_000;

    private sealed record Entry(TensorSpec Spec, long Begin, long End, long HeaderByte);

    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="SpikeformerException">The file does not exist, cannot be read, or is not a valid safetensors file (CheckFailed).</exception>
    public static SafetensorsContent ReadFile(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return Read(stream, path);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot read {path}");
        }
    }

    /// <summary>Reads a whole stream from its start.</summary>
    /// <param name="stream">A stream that knows its length; not disposed.</param>
    /// <param name="file">The name of the file, for errors.</param>
    /// <exception cref="SpikeformerException">The content is not a valid safetensors file (CheckFailed).</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static SafetensorsContent Read(Stream stream, string file)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] header = ReadHeader(stream, file);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var entries = ParseHeader(header, file, metadata);
        CheckLayout(entries, dataStart: sizeof(ulong) + header.Length, stream.Length, file);
        var tensors = new List<StateTensor>(entries.Count);
        foreach (Entry entry in entries)
        {
            var data = GC.AllocateUninitializedArray<byte>((int)(entry.End - entry.Begin));
            if (stream.ReadAtLeast(data, data.Length, throwOnEndOfStream: false) < data.Length)
                throw Bad(file, sizeof(ulong) + header.Length + entry.Begin, $"the file ends within tensor '{entry.Spec.Name}'");
            tensors.Add(new(entry.Spec.Name, entry.Spec.Type, entry.Spec.Shape, data));
        }
        return new(tensors, metadata);
    }

    private static byte[] ReadHeader(Stream stream, string file)
    {
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (stream.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length)
            throw Bad(file, 0, $"the file has {stream.Length} bytes, too few for a header length");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxHeaderBytes) throw Bad(file, 0, $"the header length is {length} bytes, but at most {MaxHeaderBytes} are allowed");
        if ((long)length > stream.Length - sizeof(ulong))
            throw Bad(file, 0, $"the header length is {length} bytes, but only {stream.Length - sizeof(ulong)} bytes follow");
        var header = new byte[length];
        stream.ReadExactly(header);
        return header;
    }

    private static List<Entry> ParseHeader(byte[] header, string file, Dictionary<string, string> metadata)
    {
        var json = new Utf8JsonReader(header);
        var entries = new List<Entry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            Expect(ref json, JsonTokenType.StartObject, file, "an object");
            while (NextName(ref json, file, names) is { } name)
            {
                if (name == SafetensorsWriter.MetadataKey) ParseMetadata(ref json, file, metadata);
                else entries.Add(ParseTensor(ref json, file, name));
            }
            while (json.Read()) { }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Bad(file, sizeof(ulong) + json.BytesConsumed, $"the header is not valid JSON ({error.Message})");
        }
        return entries;
    }

    private static void ParseMetadata(ref Utf8JsonReader json, string file, Dictionary<string, string> metadata)
    {
        Expect(ref json, JsonTokenType.StartObject, file, "an object of texts");
        var keys = new HashSet<string>(StringComparer.Ordinal);
        while (NextName(ref json, file, keys) is { } key)
        {
            Expect(ref json, JsonTokenType.String, file, "a text");
            metadata[key] = json.GetString()!;
        }
    }

    private static Entry ParseTensor(ref Utf8JsonReader json, string file, string name)
    {
        long position = sizeof(ulong) + json.TokenStartIndex;
        TensorType? type = null;
        List<long>? shape = null, offsets = null;
        Expect(ref json, JsonTokenType.StartObject, file, $"an object for tensor '{name}'");
        var fields = new HashSet<string>(StringComparer.Ordinal);
        while (NextName(ref json, file, fields) is { } field)
        {
            if (field == "shape") shape = ParseNumbers(ref json, file);
            else if (field == "data_offsets") offsets = ParseNumbers(ref json, file);
            else if (field == "dtype")
            {
                Expect(ref json, JsonTokenType.String, file, "a type name");
                type = TensorTypes.TryParse(json.GetString(), out TensorType known)
                    ? known
                    : throw Bad(file, position, $"tensor '{name}' has the unknown type '{json.GetString()}'");
            }
            else throw Bad(file, position, $"tensor '{name}' has the unknown field '{field}'");
        }
        if (name is "" || type is null || shape is null || offsets is not [long begin, long end])
            throw Bad(file, position, $"tensor '{name}' needs a name, a dtype, a shape and two data_offsets");
        var spec = new TensorSpec(name, type.Value, shape);
        long bytes;
        try
        {
            bytes = spec.Bytes;
        }
        catch (OverflowException)
        {
            throw Bad(file, position, $"tensor '{name}' of {spec.Layout} is too large");
        }
        if (end < begin || end - begin != bytes)
            throw Bad(file, position,
                $"tensor '{name}' of {spec.Layout} needs {bytes} bytes, but its offsets {begin} to {end} span {end - begin}");
        if (bytes > Array.MaxLength) throw Bad(file, position, $"tensor '{name}' has {bytes} bytes, but at most {Array.MaxLength} can be read");
        return new(spec, begin, end, position);
    }

    private static List<long> ParseNumbers(ref Utf8JsonReader json, string file)
    {
        var numbers = new List<long>();
        Expect(ref json, JsonTokenType.StartArray, file, "a list of numbers");
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
            if (json.TokenType == JsonTokenType.Number && json.TryGetInt64(out long number) && number >= 0) numbers.Add(number);
            else throw Bad(file, sizeof(ulong) + json.TokenStartIndex, "expected a whole number of at least 0");
        return numbers;
    }

    private static string? NextName(ref Utf8JsonReader json, string file, HashSet<string> names)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.EndObject) return null;
        string name = json.GetString()!;
        return names.Add(name) ? name : throw Bad(file, sizeof(ulong) + json.TokenStartIndex, $"the name '{name}' occurs twice");
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType token, string file, string what)
    {
        json.Read();
        if (json.TokenType != token) throw Bad(file, sizeof(ulong) + json.TokenStartIndex, $"expected {what}, not {json.TokenType}");
    }

    // The format allows neither gaps nor overlaps, which also limits the memory to the file's size.
    private static void CheckLayout(List<Entry> entries, long dataStart, long fileLength, string file)
    {
        entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        long filled = 0;
        foreach (Entry entry in entries)
        {
            string range = $"tensor '{entry.Spec.Name}' at offsets {entry.Begin} to {entry.End}";
            if (entry.End > fileLength - dataStart)
                throw Bad(file, entry.HeaderByte, $"{range} reaches beyond the {fileLength - dataStart} bytes of data");
            if (entry.Begin < filled) throw Bad(file, entry.HeaderByte, $"{range} overlaps the tensor before it");
            if (entry.Begin > filled) throw Bad(file, entry.HeaderByte, $"{range} leaves a gap of {entry.Begin - filled} bytes before it");
            filled = entry.End;
        }
        if (filled != fileLength - dataStart)
            throw Bad(file, dataStart + filled, "the file continues after the end of the last tensor");
    }

    private static SpikeformerException Bad(string file, long position, string problem) =>
        new(ErrorKind.CheckFailed, $"{file}, byte {position}: {problem}", "The file is damaged or not a safetensors file; use another copy");
}
