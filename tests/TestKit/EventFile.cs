using System.Buffers.Binary;
using System.Text;

namespace Spikeformer.TestKit;

/// <summary>One event of a TensorBoard file.</summary>
public sealed record BoardEvent(double WallTime, long Step, string? Tag, float Value, bool IsStart, string? Version);

/// <summary>Reads TensorBoard's event files without using code of the product: computes checksums bit by bit and reads message fields one by
/// one.</summary>
public static class EventFile
{
    /// <summary>Returns all events of a file, after verifying every checksum.</summary>
    /// <exception cref="InvalidDataException">A record is incomplete or damaged.</exception>
    public static IReadOnlyList<BoardEvent> Read(string path)
    {
        var events = new List<BoardEvent>();
        byte[] file = File.ReadAllBytes(path);
        for (int at = 0; at < file.Length;)
        {
            if (file.Length - at < 12) throw new InvalidDataException($"{path} ends within the head of the record at byte {at}");
            int length = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at)));
            Check(file.AsSpan(at, 8), file.AsSpan(at + 8), at);
            if (file.Length - at < 16 + length) throw new InvalidDataException($"{path} ends within the record at byte {at}");
            Check(file.AsSpan(at + 12, length), file.AsSpan(at + 12 + length), at);
            events.Add(Parse(file.AsSpan(at + 12, length)));
            at += 16 + length;
        }
        return events;

        void Check(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> stored, int at)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(stored) != MaskedCrc(bytes)) throw new InvalidDataException($"{path} has a wrong checksum at byte {at}");
        }
    }

    /// <summary>Returns the curves of a folder as TensorBoard shows them: the start of a session removes all points at its step or later.</summary>
    /// <param name="folder">The folder. Every record must be valid, and no point may occur twice.</param>
    public static SortedDictionary<string, SortedDictionary<long, float>> Curves(string folder)
    {
        var curves = new SortedDictionary<string, SortedDictionary<long, float>>(StringComparer.Ordinal);
        foreach (string file in Directory.GetFiles(folder).Order(StringComparer.Ordinal))
            foreach (BoardEvent what in Read(file))
            {
                if (what.IsStart)
                    foreach (SortedDictionary<long, float> curve in curves.Values)
                        foreach (long step in curve.Keys.Where(step => step >= what.Step).ToArray()) curve.Remove(step);
                if (what.Tag is null) continue;
                if (!curves.TryGetValue(what.Tag, out SortedDictionary<long, float>? points)) curves[what.Tag] = points = [];
                points.Add(what.Step, what.Value);
            }
        return curves;
    }

    private static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = ~0u;
        foreach (byte one in bytes)
        {
            crc ^= one;
            for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
        }
        crc = ~crc;
        return unchecked((crc >> 15 | crc << 17) + 0xa282ead8u);
    }

    // event.proto: 1 wall_time double, 2 step int64, 3 file_version, 5 summary { 1 value { 1 tag, 2 simple_value float } }, 7 session_log { 1 status }.
    private static BoardEvent Parse(ReadOnlySpan<byte> message)
    {
        (double wallTime, long step, string? version, string? tag, float value, bool isStart) = (0, 0, null, null, 0, false);
        for (int at = 0; at < message.Length;)
            switch (message[at++])
            {
                case 1 << 3 | 1:
                    wallTime = BinaryPrimitives.ReadDoubleLittleEndian(message[at..]);
                    at += 8;
                    break;
                case 2 << 3:
                    step = Varint(message, ref at);
                    break;
                case 3 << 3 | 2:
                    version = Encoding.UTF8.GetString(Nested(message, ref at));
                    break;
                case 5 << 3 | 2:
                    ReadOnlySpan<byte> summary = Nested(message, ref at);
                    int inSummary = 1, inValue = 1;
                    if (summary[0] != (1 << 3 | 2)) throw new InvalidDataException("A summary without a value");
                    ReadOnlySpan<byte> content = Nested(summary, ref inSummary);
                    if (inSummary != summary.Length || content[0] != (1 << 3 | 2)) throw new InvalidDataException("A value without a tag");
                    tag = Encoding.UTF8.GetString(Nested(content, ref inValue));
                    if (content[inValue] != (2 << 3 | 5) || content.Length != inValue + 5) throw new InvalidDataException("A value that is not a float");
                    value = BinaryPrimitives.ReadSingleLittleEndian(content[(inValue + 1)..]);
                    break;
                case 7 << 3 | 2:
                    isStart = Nested(message, ref at) is [1 << 3, 1];
                    break;
                case byte key:
                    throw new InvalidDataException($"An event with the unexpected key {key}");
            }
        return new(wallTime, step, tag, value, isStart, version);
    }

    private static ReadOnlySpan<byte> Nested(ReadOnlySpan<byte> message, ref int at)
    {
        int length = (int)Varint(message, ref at);
        at += length;
        return message.Slice(at - length, length);
    }

    private static long Varint(ReadOnlySpan<byte> message, ref int at)
    {
        long value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message[at++];
            value |= (long)(next & 0x7f) << shift;
            if (next < 0x80) return value;
        }
    }
}
