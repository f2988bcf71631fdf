using System.Text.Json;
using Spikeformer.Files;

namespace Spikeformer.Clustering;

/// <summary>The addresses of a running silo. The silo writes them to a file for the process that started it.</summary>
/// <param name="Silo">Name of the silo.</param>
/// <param name="ProcessId">Process id of the silo.</param>
/// <param name="ClusterId">Name of the silo's cluster.</param>
/// <param name="SiloAddress"><c>address:port</c> for other silos.</param>
/// <param name="Gateway"><c>address:port</c> for clients, in the form of <see cref="ClusterAddress.Parse"/>.</param>
/// <param name="Http">Base URL of metrics and health, for example <c>http://127.0.0.1:8080</c>.</param>
public sealed record SiloEndpoints(string Silo, int ProcessId, string ClusterId, string SiloAddress, string Gateway, string Http)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true,
    };

    /// <summary>Writes the file, completely or not at all. Its directory must exist.</summary>
    /// <exception cref="SpikeformerException">The file system fails.</exception>
    internal void Write(string path) => AtomicFile.WriteAllText(path, JsonSerializer.Serialize(this, s_json) + "\n");

    /// <summary>Reads the file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The endpoints, or null if there is no file because the silo is not ready yet.</returns>
    /// <exception cref="SpikeformerException">The file does not contain endpoints (CheckFailed), or cannot be read.</exception>
    public static SiloEndpoints? TryRead(string path)
    {
        if (new SharedFile(path, TimeProvider.System).Read() is not { } bytes) return null;
        try
        {
            return JsonSerializer.Deserialize<SiloEndpoints>(bytes, s_json);
        }
        catch (JsonException error)
        {
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{path} does not contain a silo's endpoints: {error.Message.TrimEnd('.')}",
                "Give the endpoint file with which the silo was started", error);
        }
    }
}
