using System.Buffers;
using System.Buffers.Binary;
using Spikeformer.Data.Events;

namespace Spikeformer.Data.Formats;

/// <summary>Reads AEDAT 2.0 recordings of a DVS128 camera, the file format of CIFAR10-DVS: text lines that begin with <c>#</c>, then 8 bytes per event
/// in big-endian order, 32 bits of address and 32 bits of time in microseconds.</summary>
/// <remarks>The header ends before the first line that does not begin with <c>#</c>, does not end with a line feed, or contains a byte that is not
/// text. An event whose first byte happens to be <c>#</c> is therefore read as an event. Times are unsigned. A jump back by more than 2^31 is a counter
/// overflow, after which the clock continues. External events (bit 15) are skipped and counted. The format comes from jAER.</remarks>
public static class Aedat20Reader
{
    /// <summary>The sensor of the DVS128 camera.</summary>
    public static SensorSize Sensor => new(128, 128);

    /// <summary>Maximum file size in bytes (33.5 million events; recordings of CIFAR10-DVS have about 200,000).</summary>
    public const int MaxFileBytes = 256 << 20;

    private const int EventBytes = 8;
    private const uint External = 1 << 15, SensorBits = 0x7FFF;
    private static ReadOnlySpan<byte> Magic => "#!AER-DAT"u8;

    /// <summary>Printable ASCII, tab, carriage return, and the bytes of UTF-8 text in a preferences block.</summary>
    private static readonly SearchValues<byte> TextBytes =
        SearchValues.Create([(byte)'\t', (byte)'\r', .. Enumerable.Range(0x20, 0xE0).Where(b => b != 0x7F).Select(b => (byte)b)]);

    /// <summary>Reads one recording.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="file">Name of the file, for messages.</param>
    /// <param name="convention">How address bits map to pixel and polarity.</param>
    /// <param name="events">Receives the recording in order of time, possibly empty. Its previous content is discarded.</param>
    /// <returns>Counts of everything unusual in the recording.</returns>
    /// <exception cref="SpikeformerException">The file is too long, has another format or version, ends inside an event, or comes from
    /// another camera. The message names the file and the byte.</exception>
    public static RecordingNotes Read(ReadOnlySpan<byte> bytes, string file, AddressConvention convention, EventStream events)
    {
        if (bytes.Length > MaxFileBytes)
            throw Damaged($"{file}: {bytes.Length:N0} bytes are too much for a DVS128 recording (limit {MaxFileBytes:N0})");
        int start = HeaderLength(bytes, file);
        int rest = (bytes.Length - start) % EventBytes;
        if (rest != 0)
            throw Damaged($"{file}: ends inside an event at byte {bytes.Length - rest}: "
                + $"the {bytes.Length - start} bytes after the header are not a multiple of {EventBytes}");
        events.Clear(Sensor, (bytes.Length - start) / EventBytes);
        long clock = 0;
        uint before = 0;
        int overflows = 0, others = 0, outside = 0;
        for (int offset = start; offset < bytes.Length; offset += EventBytes)
        {
            uint address = BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]);
            uint time = BinaryPrimitives.ReadUInt32BigEndian(bytes[(offset + 4)..]);
            if (time < before && before - time > int.MaxValue)
            {
                clock += 1L << 32;
                overflows++;
            }
            before = time;
            if (address > (External | SensorBits)) outside++;
            else if ((address & External) != 0) others++;
            else Add(events, clock + time, (int)(address >> 1 & 0x7F), (int)(address >> 8 & 0x7F), (byte)(address & 1), convention);
        }
        var notes = new RecordingNotes(overflows, events.BackwardSteps, others, outside);
        notes.CheckSensor(events.Count, Sensor, file);
        events.SortByTime();
        return notes;
    }

    private static void Add(EventStream events, long time, int low, int high, byte bit, AddressConvention convention)
    {
        switch (convention)
        {
            case AddressConvention.SpikingJelly: events.Add(time, 127 - high, 127 - low, (byte)(1 - bit)); break;
            case AddressConvention.Tonic: events.Add(time, high, low, bit); break;
            default: events.Add(time, low, high, bit); break;
        }
    }

    /// <summary>Number of bytes before the first event.</summary>
    private static int HeaderLength(ReadOnlySpan<byte> bytes, string file)
    {
        if (!bytes.StartsWith(Magic) || bytes.Length == Magic.Length || bytes[Magic.Length] != (byte)'2')
            throw Damaged($"{file}: byte 0: not an AEDAT 2.0 recording, does not begin with #!AER-DAT2");
        int start = 0;
        while (start < bytes.Length && bytes[start] == (byte)'#')
        {
            int length = bytes[start..].IndexOf((byte)'\n');
            if (length < 0 || bytes.Slice(start, length).ContainsAnyExcept(TextBytes)) break;
            start += length + 1;
        }
        if (start == 0) throw Damaged($"{file}: byte 0: the first header line does not end");
        return start;
    }

    private static SpikeformerException Damaged(string what) =>
        new(ErrorKind.CheckFailed, what, "Copy the file again or remove it");
}
