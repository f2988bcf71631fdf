using System.Text.Json;

namespace Spikeformer.Client.Tests;

/// <summary>A run directory in a temporary folder.</summary>
internal sealed class RunFolder : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("spikeformer-test-").FullName;

    public string Path => System.IO.Path.Combine(_root, "run");

    /// <summary>Digest of every committed step, by step.</summary>
    public SortedDictionary<long, string> Digests()
    {
        var digests = new SortedDictionary<long, string>();
        foreach (JsonElement line in Lines("steps.jsonl")) digests[line.GetProperty("step").GetInt64()] = line.GetProperty("digest").GetString()!;
        return digests;
    }

    public IEnumerable<JsonElement> Lines(string file)
    {
        string path = System.IO.Path.Combine(Path, file);
        if (!File.Exists(path)) yield break;
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        string content = reader.ReadToEnd();
        foreach (string line in content[..(content.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries))
            yield return JsonDocument.Parse(line).RootElement;
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
