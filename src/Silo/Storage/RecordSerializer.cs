using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans.Storage;

namespace Spikeformer.Silo.Storage;

/// <summary>The records of grains as plain JSON without type names, the same in files and in Redis: people can read it, and a record's class can be
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
