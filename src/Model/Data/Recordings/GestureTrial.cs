using System.Globalization;
using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;

namespace Spikeformer.Data.Recordings;

/// <summary>A labelled part of a trial.</summary>
/// <param name="Class">The class number in the label file, 1 to 11.</param>
/// <param name="From">Start in microseconds, inclusive.</param>
/// <param name="To">End in microseconds, exclusive.</param>
internal readonly record struct GestureWindow(int Class, long From, long To);

/// <summary>Reads a trial of DVS128 Gesture: the recording of one person under one light, with labelled windows for the gestures.</summary>
internal static class GestureTrial
{
    private const string Remedy = "Copy the file again";

    /// <summary>Reads a trial's labels: a heading, then lines <c>class,startTime_usec,endTime_usec</c> in the order of the recording. Windows
    /// may overlap, as they do in one file of the real data set.</summary>
    /// <exception cref="SpikeformerException">The file cannot be read, or a line has another form. The message names the line.</exception>
    public static List<GestureWindow> ReadLabels(string path)
    {
        string[] lines = ReadLines(path);
        var windows = new List<GestureWindow>();
        for (int i = 1; i < lines.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i])) continue;
            string[] fields = lines[i].Split(',', StringSplitOptions.TrimEntries);
            if (fields.Length != 3 || !IsNumber(fields[0], out long label) || !IsNumber(fields[1], out long from) || !IsNumber(fields[2], out long to))
                throw Wrong(path, i, $"'{Shown(lines[i])}' is not class, start and end");
            if (label is < 1 or > DvsGesture.Classes) throw Wrong(path, i, $"class {label} is not between 1 and {DvsGesture.Classes}");
            if (from >= to) throw Wrong(path, i, $"the window must end after its start at {from}, but ends at {to}");
            windows.Add(new((int)label, from, to));
        }
        if (windows.Count == 0) throw Wrong(path, 0, "no labels follow the heading");
        return windows;
    }

    /// <summary>Reads a list of trials, one name per line.</summary>
    public static string[] ReadList(string path) =>
        [.. ReadLines(path).Select(line => line.Trim()).Where(line => line.Length > 0)];

    /// <summary>Finds the part of a trial that holds the events of each window: from the first packet with such an event to the last.</summary>
    /// <param name="path">The recording.</param>
    /// <param name="windows">The windows of the trial.</param>
    /// <returns>Start and end of each part in bytes (both 0 for a window without events), and counts of everything unusual.</returns>
    /// <exception cref="SpikeformerException">The recording cannot be read or is damaged.</exception>
    public static ((long Start, long End)[] Parts, RecordingNotes Notes) Scan(string path, IReadOnlyList<GestureWindow> windows)
    {
        var parts = new (long Start, long End)[windows.Count];
        var packet = new EventStream();
        long events = 0;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 20);
            Aedat31Reader reader = Aedat31Reader.OfFile(stream, path);
            while (true)
            {
                packet.Clear(Aedat31Reader.Sensor);
                if (!reader.ReadPacket(packet)) break;
                events += packet.Count;
                for (int w = 0; w < parts.Length; w++)
                    if (Holds(packet.Times, windows[w])) parts[w] = (parts[w].End == 0 ? reader.PacketStart : parts[w].Start, reader.PacketEnd);
            }
            reader.Notes.CheckSensor((int)Math.Min(events, int.MaxValue), Aedat31Reader.Sensor, path);
            return (parts, reader.Notes);
        }
        catch (Exception e) when (StorageErrors.IsStorage(e))
        {
            throw StorageErrors.CannotRead(path, e);
        }
    }

    /// <summary>Reads the events of a window from the part that <see cref="Scan"/> found.</summary>
    public static RecordingNotes Read(ArraySegment<byte> bytes, RecordingFile file, EventStream events)
    {
        events.Clear(Aedat31Reader.Sensor, bytes.Count / 8);
        var stream = new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count, writable: false);
        Aedat31Reader reader = Aedat31Reader.OfPackets(stream, file.Name, file.Offset);
        while (reader.ReadPacket(events, file.From, file.To)) { }
        RecordingNotes notes = reader.Notes with { BackwardSteps = events.BackwardSteps };
        events.SortByTime();
        return notes;
    }

    private static bool Holds(ReadOnlySpan<long> times, GestureWindow window)
    {
        foreach (long time in times)
            if (time >= window.From && time < window.To) return true;
        return false;
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            return new FileInfo(path).Length > 1 << 20
                ? throw new SpikeformerException(ErrorKind.CheckFailed, $"{path}: too long for a list of labels or trials (limit 1 MiB)", Remedy)
                : File.ReadAllLines(path);
        }
        catch (Exception e) when (StorageErrors.IsStorage(e))
        {
            throw StorageErrors.CannotRead(path, e);
        }
    }

    private static bool IsNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static string Shown(string line) => line.Length <= 60 ? line : line[..60] + "..";

    private static SpikeformerException Wrong(string path, int line, string what) =>
        new(ErrorKind.CheckFailed, $"{path}: line {line + 1}: {what}", Remedy);
}
