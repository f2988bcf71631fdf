using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans.Storage;

namespace Spikeformer.Silo.Storage;

/// <summary>Turns grain records into plain JSON without type names, for files and for Redis: people can read it, and the class of a record can be
/// renamed.</summary>
internal sealed class RecordSerializer : IGrainStorageSerializer
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public BinaryData Serialize<T>(T? input) => new(JsonSerializer.SerializeToUtf8Bytes(input, s_json));

    public T Deserialize<T>(BinaryData input) => JsonSerializer.Deserialize<T>(input, s_json) ?? throw new JsonException("The record is null.");
}
