using System.Buffers.Binary;
using Spikeformer.Data.Events;

namespace Spikeformer.Data.Formats;

/// <summary>Reads AEDAT 3.1 recordings packet by packet, the file format of DVS128 Gesture: text lines up to <c>#!END-HEADER</c>, then packets of a
/// 28-byte header and events, in little-endian order. Memory use is limited to one packet.</summary>
/// <remarks>Polarity packets (type 1) use 8 bytes per event. The first word has x in bits 17 to 31, y in bits 2 to 16, polarity in bit 1 and validity
/// in bit 0. The second word has 31 bits of time, extended by the packet's overflow counter. Of the <c>capacity</c> slots in a packet, the first
/// <c>number</c> are events. Invalid events and events outside the sensor are skipped and counted. Packets of other types are skipped. If the file ends
/// inside the last packet, its complete events are read. Events keep the order of the file. The format comes from iniVation.</remarks>
internal sealed class Aedat31Reader
{
    /// <summary>Maximum number of events in a packet; cameras write a few thousand.</summary>
    private const int MaxPacketEvents = 1 << 22;
    private const int HeaderBytes = 28, EventBytes = 8, MaxTextBytes = 1 << 20;
    private const ushort Polarity = 1;

    private readonly Stream _stream;
    private readonly string _file;
    private readonly byte[] _buffer = new byte[64 << 10];
    private long _position;
    private int _others, _outside;
    private long _missing;

    private Aedat31Reader(Stream stream, string file, long position) => (_stream, _file, _position) = (stream, file, position);

    /// <summary>The sensor of the DVS128 camera.</summary>
    public static SensorSize Sensor => new(128, 128);

    /// <summary>Start of the last packet read, in bytes from the start of the file.</summary>
    public long PacketStart { get; private set; }

    /// <summary>End of the last packet read, in bytes from the start of the file.</summary>
    public long PacketEnd => _position;

    /// <summary>Counts of everything unusual so far, except backward steps: the caller takes those from its event stream.</summary>
    public RecordingNotes Notes => new(0, 0, _others, _outside, _missing);

    /// <summary>Opens a file at its start and reads its header.</summary>
    /// <param name="stream">The file. The reader does not dispose it.</param>
    /// <param name="file">Name of the file, for messages.</param>
    /// <exception cref="SpikeformerException">The file is not an AEDAT 3.1 file.</exception>
    public static Aedat31Reader OfFile(Stream stream, string file)
    {
        var reader = new Aedat31Reader(stream, file, 0);
        reader.ReadText();
        return reader;
    }

    /// <summary>Reads packets from a part of a file that begins at a packet.</summary>
    /// <param name="stream">The part. The reader does not dispose it.</param>
    /// <param name="file">Name of the file, for messages.</param>
    /// <param name="start">Start of the part, in bytes from the start of the file.</param>
    public static Aedat31Reader OfPackets(Stream stream, string file, long start) => new(stream, file, start);

    /// <summary>Appends the events of the next polarity packet.</summary>
    /// <param name="events">Receives the events. The caller clears it for <see cref="Sensor"/>.</param>
    /// <param name="from">Earliest time to read, microseconds.</param>
    /// <param name="to">End of the time range, microseconds; exclusive.</param>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="SpikeformerException">A packet header is damaged. The message names the byte.</exception>
    public bool ReadPacket(EventStream events, long from = long.MinValue, long to = long.MaxValue)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        while (true)
        {
            PacketStart = _position;
            int got = Read(header);
            if (got < HeaderBytes)
            {
                if (got > 0) _missing += HeaderBytes - got;
                return false;
            }
            (ushort type, long size, long overflow, long capacity, long number) = Check(header);
            if (type == Polarity)
            {
                ReadEvents(events, number, overflow << 31, from, to);
                Skip((capacity - number) * size);
                return true;
            }
            Skip(capacity * size);
        }
    }

    private (ushort Type, long Size, long Overflow, long Capacity, long Number) Check(ReadOnlySpan<byte> header)
    {
        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(header);
        int size = Field(header, 4), timeOffset = Field(header, 8), overflow = Field(header, 12);
        int capacity = Field(header, 16), number = Field(header, 20), valid = Field(header, 24);
        if (size < 0 || overflow < 0 || valid < 0 || number < valid || capacity < number)
            throw Damaged($"size {size}, overflow {overflow}, capacity {capacity}, number {number} and valid {valid} are impossible");
        if (type == Polarity && (size != EventBytes || timeOffset != 4))
            throw Damaged($"polarity events of {size} bytes with the time at byte {timeOffset}, not of {EventBytes} bytes with the time at byte 4");
        if (type == Polarity && number > MaxPacketEvents)
            throw Damaged($"a packet of {number:N0} events (limit {MaxPacketEvents:N0})");
        return (type, size, overflow, capacity, number);
    }

    private void ReadEvents(EventStream events, long number, long clock, long from, long to)
    {
        for (long left = number * EventBytes; left > 0;)
        {
            var part = _buffer.AsSpan(0, (int)Math.Min(left, _buffer.Length));
            int got = Read(part);
            for (int at = 0; at + EventBytes <= got; at += EventBytes)
            {
                uint data = BinaryPrimitives.ReadUInt32LittleEndian(part[at..]);
                long time = clock + BinaryPrimitives.ReadUInt32LittleEndian(part[(at + 4)..]);
                if (time < from || time >= to) continue;
                if ((data & 1) == 0) _others++;
                else if (!events.TryAdd(time, (int)(data >> 17), (int)(data >> 2 & 0x7FFF), (byte)(data >> 1 & 1))) _outside++;
            }
            left -= got;
            if (got < part.Length)
            {
                _missing += left;
                return;
            }
        }
    }

    private void Skip(long bytes)
    {
        while (bytes > 0)
        {
            int got = Read(_buffer.AsSpan(0, (int)Math.Min(bytes, _buffer.Length)));
            bytes -= got;
            if (got > 0) continue;
            _missing += bytes;
            return;
        }
    }

    private void ReadText()
    {
        byte[] line = new byte[256];
        for (int number = 0; ; number++)
        {
            long start = _position;
            int length = 0;
            while (Read(line.AsSpan(Math.Min(length, line.Length - 1), 1)) == 1 && line[Math.Min(length, line.Length - 1)] != '\n') length++;
            ReadOnlySpan<byte> text = line.AsSpan(0, Math.Min(length, line.Length));
            if (number == 0 && !text.StartsWith("#!AER-DAT3.1"u8))
                throw new SpikeformerException(ErrorKind.CheckFailed, $"{_file}: byte 0: not an AEDAT 3.1 recording, does not begin with #!AER-DAT3.1",
                    "Copy the file again or remove it");
            if (text.StartsWith("#!END-HEADER"u8)) return;
            if (!text.StartsWith("#"u8) || _position > MaxTextBytes)
                throw new SpikeformerException(ErrorKind.CheckFailed,
                    $"{_file}: byte {start}: the header has no line #!END-HEADER", "Copy the file again or remove it");
        }
    }

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    private int Read(Span<byte> buffer)
    {
        int got = _stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        _position += got;
        return got;
    }

    private static int Field(ReadOnlySpan<byte> header, int at) => BinaryPrimitives.ReadInt32LittleEndian(header[at..]);

    private SpikeformerException Damaged(string why) => new(ErrorKind.CheckFailed,
        $"{_file}: byte {PacketStart}: the packet header is damaged: {why}", "Copy the file again or remove it");
}
