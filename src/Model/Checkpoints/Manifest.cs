using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Spikeformer.Checkpoints;

/// <summary>The entry of a slice in a manifest.</summary>
/// <param name="File">The file name, in the manifest's folder.</param>
/// <param name="Bytes">The size of the file in bytes.</param>
/// <param name="Sha256">The SHA-256 of the file, lower-case hexadecimal.</param>
/// <param name="Tensors">The names of its tensors in canonical order.</param>
public sealed record ManifestSlice(string File, long Bytes, string Sha256, IReadOnlyList<string> Tensors);

/// <summary>The file that makes a checkpoint exist: the description of the state, the slices and their hashes.</summary>
/// <remarks>Indented JSON whose last member <c>sha256</c> is the SHA-256 of all bytes before it, so that damage to the manifest itself is found
/// as well. Reading is strict: it refuses unknown or repeated members, unknown versions and file names with a path.</remarks>
/// <param name="Version">The version of this format, 1.</param>
/// <param name="Checkpoint">The description of the state.</param>
/// <param name="Slices">The slices in canonical order.</param>
public sealed partial record Manifest(int Version, CheckpointInfo Checkpoint, IReadOnlyList<ManifestSlice> Slices)
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "manifest.json";

    internal const int CurrentVersion = 1;
    internal const int MaxBytes = 64 << 20;
    private const string SealStart = ",\n  \"sha256\": \"", SealEnd = "\"\n}\n";
    private static readonly int SealLength = SealStart.Length + 64 + SealEnd.Length;

    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerOptions.Strict)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
        NewLine = "\n",
    };

    private sealed record Sealed(int Version, CheckpointInfo Checkpoint, IReadOnlyList<ManifestSlice> Slices, string Sha256);

    /// <summary>The size of all slices in bytes.</summary>
    [JsonIgnore]
    public long SliceBytes => Slices.Sum(slice => slice.Bytes);

    /// <summary>Returns the content of the file.</summary>
    internal byte[] ToBytes()
    {
        string body = JsonSerializer.Serialize(this, JsonOptions);
        body = body[..body.LastIndexOf("\n}", StringComparison.Ordinal)];
        return Encoding.UTF8.GetBytes(body + SealStart + Hash(Encoding.UTF8.GetBytes(body)) + SealEnd);
    }

    /// <summary>Reads and checks the content of a manifest.</summary>
    /// <param name="bytes">The whole content.</param>
    /// <param name="file">The name of the file, for errors.</param>
    /// <exception cref="SpikeformerException">The manifest is damaged (CheckFailed), or written by another version (Conflict).</exception>
    internal static Manifest Parse(ReadOnlySpan<byte> bytes, string file)
    {
        RefuseOtherVersions(bytes, file);
        if (bytes.Length < SealLength) throw Damaged(file, $"{bytes.Length} bytes are too few");
        ReadOnlySpan<byte> body = bytes[..^SealLength];
        if (Encoding.Latin1.GetString(bytes[^SealLength..]) != SealStart + Hash(body) + SealEnd)
            throw Damaged(file, $"the SHA-256 at byte {body.Length} is not that of the bytes before it");
        Sealed content;
        try
        {
            content = JsonSerializer.Deserialize<Sealed>(bytes, JsonOptions) ?? throw Damaged(file, "it is null");
        }
        catch (JsonException error)
        {
            throw Damaged(file, $"line {error.LineNumber + 1}, byte {error.BytePositionInLine}, {error.Path}: {error.Message}");
        }
        var manifest = new Manifest(content.Version, content.Checkpoint, content.Slices);
        return manifest.Problem() is { } problem ? throw Damaged(file, problem) : manifest;
    }

    // Checked first and leniently: the manifest of a later version must look foreign, not damaged, since damaged checkpoints are removed.
    private static void RefuseOtherVersions(ReadOnlySpan<byte> bytes, string file)
    {
        try
        {
            var json = new Utf8JsonReader(bytes);
            if (JsonElement.ParseValue(ref json) is { ValueKind: JsonValueKind.Object } root
                && root.TryGetProperty("version", out var version) && version.ValueKind == JsonValueKind.Number
                && !(version.TryGetInt32(out int number) && number == CurrentVersion))
                throw new SpikeformerException(ErrorKind.Conflict,
                    $"{file}: field version is {version}, but this program reads version {CurrentVersion}",
                    "Use the version of Spikeformer that wrote the checkpoint");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Damaged(file, error.Message);
        }
    }

    private string? Problem()
    {
        if (Checkpoint.Problem() is { } problem) return problem;
        if (Slices.Count == 0) return "it lists no slices";
        var files = new HashSet<string>(StringComparer.Ordinal);
        var tensors = new HashSet<string>(StringComparer.Ordinal);
        foreach (ManifestSlice slice in Slices)
        {
            if (!SliceFilePattern().IsMatch(slice.File)) return $"'{slice.File}' is not the name of a slice";
            if (!files.Add(slice.File)) return $"slice '{slice.File}' is listed twice";
            if (slice.Bytes < 0 || slice.Sha256.Length != 64 || !CheckpointInfo.IsHex(slice.Sha256))
                return $"slice '{slice.File}' has no valid size and SHA-256";
            if (slice.Tensors.FirstOrDefault(name => !tensors.Add(name)) is { } twice) return $"tensor '{twice}' is listed twice";
        }
        return null;
    }

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static SpikeformerException Damaged(string file, string problem) =>
        new(ErrorKind.CheckFailed, $"{file} is damaged: {problem}", "Use another checkpoint");

    [GeneratedRegex(@"\A[a-z]{1,32}-[0-9]{5,9}-of-[0-9]{5,9}\.safetensors\z")]
    private static partial Regex SliceFilePattern();
}
