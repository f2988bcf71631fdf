using System.IO.Compression;
using Spikeformer.Data.Events;

namespace Spikeformer.Data.Formats;

/// <summary>Reads SpikingJelly's <c>.npz</c> files of event data sets: events as the arrays <c>t x y p</c>, or frames as the array
/// <c>frames</c> of [T,2,H,W] counts.</summary>
internal static class NpzReader
{
    /// <summary>Maximum number of events in a file.</summary>
    public const int MaxEvents = 1 << 25;

    /// <summary>Reads the events of a file.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <param name="sensor">The sensor that made the recording.</param>
    /// <param name="events">Receives the recording in order of time. Its previous content is discarded.</param>
    /// <returns>Counts of everything unusual in the recording.</returns>
    /// <exception cref="SpikeformerException">The file is damaged, or its arrays are missing or have other types or different lengths.</exception>
    public static RecordingNotes ReadEvents(ArraySegment<byte> bytes, string file, SensorSize sensor, EventStream events)
    {
        using ZipArchive zip = Open(bytes, file);
        long[] t = Column(zip, "t", file), x = Column(zip, "x", file), y = Column(zip, "y", file), p = Column(zip, "p", file);
        if (x.Length != t.Length || y.Length != t.Length || p.Length != t.Length)
            throw Damaged(file, $"the arrays t, x, y, p differ in length: {t.Length}, {x.Length}, {y.Length} and {p.Length} values");
        events.Clear(sensor, t.Length);
        int outside = 0;
        for (int i = 0; i < t.Length; i++)
        {
            bool isPixel = (ulong)x[i] <= ushort.MaxValue && (ulong)y[i] <= ushort.MaxValue;
            if (!isPixel || !events.TryAdd(t[i], (int)x[i], (int)y[i], (byte)(p[i] == 0 ? 0 : 1))) outside++;
        }
        var notes = new RecordingNotes(0, events.BackwardSteps, 0, outside);
        notes.CheckSensor(events.Count, sensor, file);
        events.SortByTime();
        return notes;
    }

    /// <summary>Reads the frames of a file.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <param name="shape">The expected shape.</param>
    /// <param name="frames_TCHW">Receives the counts.</param>
    /// <exception cref="SpikeformerException">The file is damaged or its frames have another shape.</exception>
    public static void ReadFrames(ArraySegment<byte> bytes, string file, SampleShape shape, Span<float> frames_TCHW)
    {
        using ZipArchive zip = Open(bytes, file);
        NpyArray frames = Member(zip, "frames", file, FrameOptions.MaxElements);
        int[] expected = [shape.TimeSteps, shape.Channels, shape.Height, shape.Width];
        if (!frames.Shape.SequenceEqual(expected))
            throw Damaged(file, $"the frames have the shape ({string.Join(", ", frames.Shape)}), not ({string.Join(", ", expected)})");
        frames.CopyTo($"{file}: frames.npy", frames_TCHW);
        foreach (float count in frames_TCHW)
            if (count < 0) throw Damaged(file, $"a count is negative ({count})");
    }

    private static long[] Column(ZipArchive zip, string name, string file)
    {
        NpyArray array = Member(zip, name, file, MaxEvents);
        if (array.Shape.Length != 1) throw Damaged(file, $"array {name} has {array.Shape.Length} axes, not one");
        var values = new long[array.Count];
        array.CopyTo($"{file}: {name}.npy", values);
        return values;
    }

    private static NpyArray Member(ZipArchive zip, string name, string file, int maxCount)
    {
        if (zip.GetEntry($"{name}.npy") is not { } entry)
            throw Damaged(file, $"no array {name}; the file holds {string.Join(", ", zip.Entries.Take(8).Select(e => e.FullName))}");
        try
        {
            using var checkedStream = new Crc32Stream(entry.Open());
            NpyArray array = NpyArray.Read(checkedStream, $"{file}: {name}.npy", maxCount);
            if (checkedStream.Checksum != entry.Crc32) throw Damaged(file, $"array {name} does not match its checksum");
            return array;
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or IOException)
        {
            throw Damaged(file, $"array {name} cannot be unpacked ({e.Message.TrimEnd('.')})");
        }
    }

    private static ZipArchive Open(ArraySegment<byte> bytes, string file)
    {
        try
        {
            var zip = new ZipArchive(new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count, writable: false), ZipArchiveMode.Read);
            _ = zip.Entries; // Reads the directory at the end of the file now, so that its errors are caught here.
            return zip;
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or IOException or ArgumentException)
        {
            throw Damaged(file, $"not an intact zip file ({e.Message.TrimEnd('.')})");
        }
    }

    private static SpikeformerException Damaged(string file, string why) =>
        new(ErrorKind.CheckFailed, $"{file}: {why}", "Make the file again or remove it");
}
