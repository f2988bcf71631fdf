using System.Security.Cryptography;
using System.Text.Json;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using Spikeformer.Files;

namespace Spikeformer.Silo.Storage;

/// <summary>Stores grain records in files, one readable JSON file each: <c>TYPE/KEY.STATE.json</c> in a directory that all silos of this machine
/// share.</summary>
/// <remarks>A write compares the ETag and replaces the file in one turn. If two silos both believe that they own a grain, one of them gets an
/// <see cref="InconsistentStateException"/>. ETags are random, since a number would repeat after a record was cleared and created again.</remarks>
/// <param name="directory">The directory; created when needed.</param>
/// <param name="serializer">Turns records into JSON.</param>
/// <param name="activators">Create the record of a grain that has none yet.</param>
/// <param name="time">Clock for waiting until another process has written.</param>
internal sealed class FileGrainStorage(string directory, IGrainStorageSerializer serializer, IActivatorProvider activators, TimeProvider time) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Task.Run(() =>
    {
        SharedFile file = FileOf(stateName, grainId);
        Adopt(Parse(file, grainId), file, grainState);
    });

    /// <exception cref="InconsistentStateException">Another activation has changed the record since this one read it.</exception>
    /// <exception cref="SpikeformerException">The file cannot be written (the record is unchanged), or is damaged (CheckFailed).</exception>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        SharedFile file = FileOf(stateName, grainId);
        AtomicFile.CreateDirectory(Path.GetDirectoryName(file.Path)!);
        return file.InTurnAsync(() =>
        {
            RequireCurrent(file, grainId, grainState.ETag);
            string etag = RandomNumberGenerator.GetHexString(16, lowercase: true);
            file.Replace(Compose(grainId, etag, serializer.Serialize(grainState.State)));
            (grainState.ETag, grainState.RecordExists) = (etag, true);
            return true;
        });
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        SharedFile file = FileOf(stateName, grainId);
        AtomicFile.CreateDirectory(Path.GetDirectoryName(file.Path)!);
        return file.InTurnAsync(() =>
        {
            RequireCurrent(file, grainId, grainState.ETag);
            file.Delete();
            Adopt(null, file, grainState);
            return true;
        });
    }

    /// <summary>Removes the temporary files of killed writers.</summary>
    public async Task SweepAsync()
    {
        if (!Directory.Exists(directory)) return;
        foreach (string leftover in Directory.GetFiles(directory, ".*", SearchOption.AllDirectories).Where(file => AtomicFile.IsTemporary(Path.GetFileName(file))))
        {
            // .KEY.STATE.json.RANDOM.tmp, where neither key nor state holds a dot.
            string record = string.Join('.', Path.GetFileName(leftover).Split('.').Skip(1).Take(3));
            var file = new SharedFile(Path.Combine(Path.GetDirectoryName(leftover)!, record), time);
            await file.InTurnAsync(() =>
            {
                file.DeleteLeftovers();
                return true;
            }).ConfigureAwait(false);
        }
    }

    private void Adopt<T>((string ETag, JsonElement Record)? stored, SharedFile file, IGrainState<T> grainState)
    {
        (grainState.ETag, grainState.RecordExists) = (stored?.ETag, stored is not null);
        try
        {
            grainState.State = stored is { } found
                ? serializer.Deserialize<T>(new BinaryData(found.Record.GetRawText()))
                : activators.GetActivator<T>().Create();
        }
        catch (JsonException error)
        {
            throw Damaged(file, error.Message, error);
        }
    }

    private static void RequireCurrent(SharedFile file, GrainId grainId, string? etag)
    {
        string? stored = Parse(file, grainId)?.ETag;
        if (stored != etag)
            throw new InconsistentStateException($"{file.Path} was changed by another activation of {grainId}", stored ?? "none", etag ?? "none");
    }

    private static byte[] Compose(GrainId grainId, string etag, BinaryData record)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new() { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("schemaVersion", 1);
            json.WriteString("grain", grainId.ToString());
            json.WriteString("etag", etag);
            json.WritePropertyName("record");
            using var parsed = JsonDocument.Parse(record);
            parsed.WriteTo(json);
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private static (string ETag, JsonElement Record)? Parse(SharedFile file, GrainId grainId)
    {
        if (file.Read() is not { } bytes) return null;
        try
        {
            using var document = JsonDocument.Parse(bytes);
            JsonElement root = document.RootElement;
            if (root.GetProperty("schemaVersion").GetInt32() != 1) throw Damaged(file, "schemaVersion is not 1");
            if (root.GetProperty("grain").GetString() is var grain && grain != grainId.ToString()) throw Damaged(file, $"it holds the record of {grain}");
            if (root.GetProperty("etag").GetString() is not { Length: > 0 } etag) throw Damaged(file, "etag is empty");
            return (etag, root.GetProperty("record").Clone());
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Damaged(file, error.Message, error);
        }
    }

    private static SpikeformerException Damaged(SharedFile file, string why, Exception? error = null) => new(ErrorKind.CheckFailed,
        $"The grain record {file.Path} is damaged: {why.TrimEnd('.')}", "Restore it from a copy, or remove it; a run can then be resumed from its checkpoints", error);

    private SharedFile FileOf(string stateName, GrainId grainId) => new(
        Path.Combine(Path.GetFullPath(directory), Escape(grainId.Type.ToString()!), $"{Escape(grainId.Key.ToString()!)}.{Escape(stateName)}.json"), time);

    // Keys may hold slashes. Dots are escaped, too, since they separate the parts of the file name.
    private static string Escape(string text) => Uri.EscapeDataString(text).Replace(".", "%2E", StringComparison.Ordinal);
}
