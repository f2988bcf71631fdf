using System.Globalization;

namespace Spikeformer.Runs.TensorBoard;

/// <summary>A folder of event files with curves of one value per epoch. Each opening adds a file. It begins with a session start at the first epoch that the
/// earlier files lack or that will be recomputed, and readers discard earlier values from that epoch on. So a torn end does no harm, and no value is lost or
/// shown twice.</summary>
internal sealed class ScalarLog : IDisposable
{
    private const string Prefix = "events.out.tfevents.";

    private readonly FileStream _file;

    private ScalarLog(FileStream file, int next) => (_file, Next) = (file, next);

    /// <summary>The next epoch to write.</summary>
    public int Next { get; private set; }

    /// <summary>Adds a file to the folder, which is created if needed.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="tags">The names of the curves.</param>
    /// <param name="first">The first epoch of the curves.</param>
    /// <param name="epochs">The first epoch that is not completed; it and later epochs will be recomputed.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="SpikeformerException">A file cannot be read or created.</exception>
    public static ScalarLog Open(string folder, IReadOnlyList<string> tags, int first, int epochs, DateTimeOffset now)
    {
        AtomicFile.CreateDirectory(folder);
        try
        {
            string[] files = Files(folder);
            IReadOnlyDictionary<(string Tag, long Step), float> known = Curves(folder);
            int next = first;
            while (next < epochs && tags.All(tag => known.ContainsKey((tag, next)))) next++;
            var log = new ScalarLog(new(Path.Combine(folder, NextName(files, now)), FileMode.CreateNew, FileAccess.Write, FileShare.Read), next);
            log.Write(new(Seconds(now), next, Version: ScalarEvent.FileVersion));
            log.Write(new(Seconds(now), next, IsStart: true));
            log._file.Flush();
            return log;
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot write event files in {folder}");
        }
    }

    /// <summary>Writes the values of an epoch and passes them to the operating system.</summary>
    /// <exception cref="IOException">The values cannot be written. Open another log.</exception>
    public void Append(int epoch, IReadOnlyList<(string Tag, double Value)> values, DateTimeOffset now)
    {
        foreach ((string tag, double value) in values) Write(new(Seconds(now), epoch, tag, (float)value));
        _file.Flush();
        Next = epoch + 1;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>Reads the curves as TensorBoard shows them: all files of a folder in the order of their names.</summary>
    /// <exception cref="InvalidDataException">A record is not an event.</exception>
    public static IReadOnlyDictionary<(string Tag, long Step), float> Curves(string folder)
    {
        var curves = new Dictionary<(string, long Step), float>();
        foreach (string file in Files(folder))
            foreach (ReadOnlyMemory<byte> record in EventRecords.Read(File.ReadAllBytes(file)))
            {
                ScalarEvent read = ScalarEvent.Parse(record.Span);
                if (read.IsStart)
                    foreach ((string, long Step) later in curves.Keys.Where(key => key.Step >= read.Step).ToArray()) curves.Remove(later);
                if (read.Tag is not null) curves[(read.Tag, read.Step)] = read.Value;
            }
        return curves;
    }

    private void Write(ScalarEvent written) => _file.Write(EventRecords.Frame(written.ToBytes()));

    private static string[] Files(string folder) => Directory.Exists(folder) ? [.. Directory.GetFiles(folder, Prefix + "*").Order(StringComparer.Ordinal)] : [];

    /// <summary>Returns a name that sorts after all others, even if the clock was set back: files are read in the order of their names.</summary>
    private static string NextName(string[] files, DateTimeOffset now)
    {
        long last = files.Length > 0 && long.TryParse(Path.GetFileName(files[^1])[Prefix.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) ? seconds : 0;
        return FormattableString.Invariant($"{Prefix}{Math.Max(now.ToUnixTimeSeconds(), last + 1):0000000000}.{Environment.MachineName}.{Environment.ProcessId}");
    }

    private static double Seconds(DateTimeOffset now) => now.ToUnixTimeMilliseconds() / 1000.0;
}
