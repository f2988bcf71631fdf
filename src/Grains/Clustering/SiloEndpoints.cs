using System.Text.Json;
using Spikeformer.Files;

namespace Spikeformer.Clustering;

/// <summary>Where a running silo listens; it writes this to a file for the process that started it.</summary>
/// <param name="Silo">Name of the silo.</param>
/// <param name="ProcessId">Its process.</param>
/// <param name="ClusterId">The cluster that it is a member of.</param>
/// <param name="SiloAddress"><c>address:port</c> for other silos.</param>
/// <param name="Gateway"><c>address:port</c> for clients, as <see cref="ClusterAddress.Parse"/> takes it.</param>
/// <param name="Http">Root of metrics and health, for example <c>http://127.0.0.1:8080</c>.</param>
public sealed record SiloEndpoints(string Silo, int ProcessId, string ClusterId, string SiloAddress, string Gateway, string Http)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true,
    };

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <param name="path">The file; its directory must exist.</param>
    /// <exception cref="SpikeformerException">The file system refuses.</exception>
    public void Write(string path) => AtomicFile.WriteAllText(path, JsonSerializer.Serialize(this, s_json) + "\n");

    /// <summary>Reads the file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The endpoints, or null while there is no file: the silo is not ready yet.</returns>
    /// <exception cref="SpikeformerException">It is no such file (CheckFailed), or cannot be read.</exception>
    public static SiloEndpoints? TryRead(string path)
    {
        if (new SharedFile(path, TimeProvider.System).Read() is not { } bytes) return null;
        try
        {
            return JsonSerializer.Deserialize<SiloEndpoints>(bytes, s_json);
        }
        catch (JsonException error)
        {
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{path} does not hold a silo's endpoints: {error.Message.TrimEnd('.')}",
                "Give the file that the silo was started with", error);
        }
    }
}
