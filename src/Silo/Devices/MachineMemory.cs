using System.Globalization;

namespace Spikeformer.Silo.Devices;

/// <summary>The memory of the machine, and of the container in which this process runs.</summary>
/// <param name="root">Folder with <c>proc</c> and <c>sys</c>.</param>
internal sealed class MachineMemory(string root = "/")
{
    /// <summary>Environment variable that limits the memory of all workers of a silo together, in bytes; each may use an equal part.</summary>
    public const string LimitVariable = "SPIKEFORMER_MEMORY_LIMIT";

    private const string Groups = "sys/fs/cgroup";

    /// <summary>The value of <see cref="LimitVariable"/>, or null.</summary>
    /// <exception cref="SpikeformerException">It is not a number of bytes.</exception>
    public static long? Limit => Environment.GetEnvironmentVariable(LimitVariable) is not { Length: > 0 } text ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) && bytes > 0 ? bytes
        : throw new SpikeformerException(ErrorKind.Usage, $"{LimitVariable} is '{text}'", "Set it to a number of bytes, or remove it");

    /// <summary>Returns the bytes that processes can still take before the machine or the container runs out of memory; null if
    /// unknown.</summary>
    public long? Available()
    {
        long? least = Field("proc/meminfo", "MemAvailable:") * 1024;
        foreach (string line in Lines("proc/self/cgroup"))
        {
            if (line.Split(':', 3) is not [_, var controllers, var path]) continue;
            if (controllers.Length == 0) Take(Groups, path, "memory.max", "memory.current", "inactive_file");
            else if (controllers.Split(',').Contains("memory")) Take($"{Groups}/memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
        }
        return least;

        // Every group above a group limits it, too. In a container the path may be that of the host, which does not exist here.
        void Take(string mount, string path, string limit, string usage, string reclaimable)
        {
            for (string? folder = mount + path.TrimEnd('/'); folder is not null && folder.Length >= mount.Length; folder = Path.GetDirectoryName(folder))
                if (Number($"{folder}/{limit}") is { } most && Number($"{folder}/{usage}") is { } used)
                    least = Math.Min(least ?? long.MaxValue, Math.Max(0, most - used + (Field($"{folder}/memory.stat", reclaimable) ?? 0)));
        }
    }

    /// <summary>Returns the bytes that only this process uses; null if unknown.</summary>
    public long? Own() => Field("proc/self/status", "RssAnon:") * 1024;

    private long? Number(string file) => Lines(file) is [var text, ..] && long.TryParse(text, CultureInfo.InvariantCulture, out long number) ? number : null;

    private long? Field(string file, string name) => Lines(file).Select(line => line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        .FirstOrDefault(words => words.Length > 1 && words[0] == name) is [_, var value, ..] && long.TryParse(value, CultureInfo.InvariantCulture, out long number) ? number : null;

    private string[] Lines(string file)
    {
        string path = Path.Combine(root, file);
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
