using Spikeformer.Data.Events;

namespace Spikeformer.Data.Formats;

/// <summary>Reads N-MNIST recordings: no header, 5 bytes per event in big-endian order: x, y, one bit of polarity (1 = ON), 23 bits of time in
/// microseconds.</summary>
/// <remarks>A word in row 240 is not an event but a clock overflow of the original ATIS stream: every later event is 8,192 microseconds
/// later. Events that are out of order are sorted stably. Both are counted. Source: Orchard et al., "Converting static image datasets to
/// spiking neuromorphic datasets using saccades" (2015).</remarks>
public static class NmnistReader
{
    /// <summary>The sensor of N-MNIST.</summary>
    public static SensorSize Sensor => new(34, 34);

    /// <summary>Maximum file size in bytes (13.4 million events; real recordings have a few thousand).</summary>
    public const int MaxFileBytes = 64 << 20;

    private const int EventBytes = 5, OverflowRow = 240, OverflowMicroseconds = 1 << 13;

    /// <summary>Reads one recording.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="file">Name of the file, for messages.</param>
    /// <param name="events">Receives the recording in order of time. Its previous content is discarded.</param>
    /// <returns>Counts of everything unusual in the recording.</returns>
    /// <exception cref="SpikeformerException">The file is empty, too long, ends inside an event, or has an event outside the sensor. The
    /// message names the file and the byte.</exception>
    public static RecordingNotes Read(ReadOnlySpan<byte> bytes, string file, EventStream events)
    {
        CheckLength(bytes.Length, file);
        events.Clear(Sensor, bytes.Length / EventBytes);
        long clock = 0;
        int overflows = 0;
        for (int offset = 0; offset < bytes.Length; offset += EventBytes)
        {
            var word = bytes.Slice(offset, EventBytes);
            (int x, int y) = (word[0], word[1]);
            if (y == OverflowRow)
            {
                clock += OverflowMicroseconds;
                overflows++;
                continue;
            }
            if (x >= Sensor.Width) throw OutsideSensor(file, offset, "x", x, Sensor.Width);
            if (y >= Sensor.Height) throw OutsideSensor(file, offset + 1, "y", y, Sensor.Height);
            int time = (word[2] & 0x7F) << 16 | word[3] << 8 | word[4];
            events.Add(clock + time, x, y, (byte)(word[2] >> 7));
        }
        int backwardSteps = events.BackwardSteps;
        events.SortByTime();
        return new(overflows, backwardSteps);
    }

    /// <summary>Checks that a file of this length can be a recording.</summary>
    /// <exception cref="SpikeformerException">The length is impossible. The message names the file and the byte.</exception>
    public static void CheckLength(long length, string file)
    {
        if (length == 0)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{file}: the recording is empty (0 bytes)",
                "Copy the file again or remove it");
        if (length > MaxFileBytes)
            throw new SpikeformerException(ErrorKind.CheckFailed,
                $"{file}: {length:N0} bytes are too much for an N-MNIST recording (limit {MaxFileBytes:N0})",
                "Check what this file is, or remove it");
        if (length % EventBytes != 0)
            throw new SpikeformerException(ErrorKind.CheckFailed,
                $"{file}: ends inside an event at byte {length - length % EventBytes}: the {length} bytes are not a multiple of {EventBytes}",
                "Copy the file again or remove it");
    }

    private static SpikeformerException OutsideSensor(string file, int offset, string axis, int value, int limit) => new(
        ErrorKind.CheckFailed, $"{file}: byte {offset}: {axis} = {value} lies outside the sensor (0 to {limit - 1})",
        "The file is damaged or not N-MNIST: copy it again or remove it");
}
