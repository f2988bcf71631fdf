using System.Buffers.Binary;
using System.Text;

namespace Spikeformer.Runs.TensorBoard;

/// <summary>TensorFlow's protobuf message <c>Event</c>, in the three kinds that a log of curves contains: a file's version, the start of a session, and a
/// scalar.</summary>
/// <param name="WallTime">The time of the event in seconds since 1970.</param>
/// <param name="Step">The x value of the curve. For a session start, the first step of the session.</param>
/// <param name="Tag">The name of the curve, or null.</param>
/// <param name="Value">The y value of the curve.</param>
/// <param name="IsStart">Whether a session starts. It replaces earlier scalars of its first step and later steps.</param>
/// <param name="Version">The file's version, or null.</param>
internal readonly record struct ScalarEvent(double WallTime, long Step, string? Tag = null, float Value = 0, bool IsStart = false, string? Version = null)
{
    /// <summary>The version in a file's first event.</summary>
    public const string FileVersion = "brain.Event:2";

    // Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
    private const int WallTimeField = 1, StepField = 2, VersionField = 3, SummaryField = 5, SessionField = 7;
    private const int ValueField = 1, TagField = 1, SimpleValueField = 2, StatusField = 1, StatusStart = 1;
    private const int Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5;

    /// <summary>Returns the message's bytes.</summary>
    public byte[] ToBytes()
    {
        var message = new Writer();
        message.Fixed(WallTimeField, WallTime);
        message.Number(StepField, Step);
        if (Version is not null) message.Nested(VersionField, Encoding.UTF8.GetBytes(Version));
        if (IsStart)
        {
            var session = new Writer();
            session.Number(StatusField, StatusStart);
            message.Nested(SessionField, session.ToArray());
        }
        if (Tag is not null)
        {
            Writer value = new(), summary = new();
            value.Nested(TagField, Encoding.UTF8.GetBytes(Tag));
            value.Fixed(SimpleValueField, Value);
            summary.Nested(ValueField, value.ToArray());
            message.Nested(SummaryField, summary.ToArray());
        }
        return message.ToArray();
    }

    /// <summary>Reads a message. Fields of other kinds of events are skipped.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a protobuf message.</exception>
    public static ScalarEvent Parse(ReadOnlySpan<byte> message)
    {
        var parsed = new ScalarEvent();
        foreach (Field field in Fields(message))
            parsed = field.Number switch
            {
                WallTimeField => parsed with { WallTime = BitConverter.UInt64BitsToDouble(field.Scalar) },
                StepField => parsed with { Step = (long)field.Scalar },
                VersionField => parsed with { Version = Encoding.UTF8.GetString(message[field.Content]) },
                SessionField => parsed with { IsStart = Fields(message[field.Content]).Exists(inner => inner is { Number: StatusField, Scalar: StatusStart }) },
                SummaryField => parsed.WithSummary(message[field.Content]),
                _ => parsed,
            };
        return parsed;
    }

    private ScalarEvent WithSummary(ReadOnlySpan<byte> summary)
    {
        ScalarEvent parsed = this;
        foreach (Field value in Fields(summary))
        {
            if (value.Number != ValueField) continue;
            ReadOnlySpan<byte> content = summary[value.Content];
            foreach (Field field in Fields(content))
                if (field.Number == TagField) parsed = parsed with { Tag = Encoding.UTF8.GetString(content[field.Content]) };
                else if (field.Number == SimpleValueField) parsed = parsed with { Value = BitConverter.UInt32BitsToSingle((uint)field.Scalar) };
        }
        return parsed;
    }

    private readonly record struct Field(int Number, ulong Scalar, Range Content);

    private static List<Field> Fields(ReadOnlySpan<byte> message)
    {
        var fields = new List<Field>();
        for (int at = 0; at < message.Length;)
        {
            ulong key = ReadVarint(message, ref at);
            int number = (int)(key >> 3), start = at;
            ulong scalar = (int)(key & 7) switch
            {
                Varint => ReadVarint(message, ref at),
                Fixed64 => BinaryPrimitives.ReadUInt64LittleEndian(Take(message, ref at, sizeof(ulong))),
                Fixed32 => BinaryPrimitives.ReadUInt32LittleEndian(Take(message, ref at, sizeof(uint))),
                Bytes => ReadVarint(message, ref at),
                int type => throw new InvalidDataException($"A protobuf field of type {type} at byte {start}"),
            };
            int content = at;
            if ((key & 7) == Bytes) Take(message, ref at, scalar);
            fields.Add(new(number, scalar, content..at));
        }
        return fields;
    }

    private static ReadOnlySpan<byte> Take(ReadOnlySpan<byte> message, ref int at, ulong count)
    {
        if (count > (ulong)(message.Length - at)) throw new InvalidDataException($"A protobuf message ends at byte {message.Length}, in the middle of a field");
        at += (int)count;
        return message.Slice(at - (int)count, (int)count);
    }

    private static ulong ReadVarint(ReadOnlySpan<byte> message, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Take(message, ref at, 1)[0];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80) return value;
        }
        throw new InvalidDataException($"A protobuf number at byte {at} does not end");
    }

    /// <summary>Writes the protobuf wire format.</summary>
    private sealed class Writer
    {
        private readonly MemoryStream _bytes = new();

        public byte[] ToArray() => _bytes.ToArray();

        public void Number(int field, long value)
        {
            WriteVarint((ulong)(field << 3 | Varint));
            WriteVarint((ulong)value);
        }

        public void Fixed(int field, double value)
        {
            WriteVarint((ulong)(field << 3 | Fixed64));
            Span<byte> bytes = stackalloc byte[sizeof(double)];
            BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
            _bytes.Write(bytes);
        }

        public void Fixed(int field, float value)
        {
            WriteVarint((ulong)(field << 3 | Fixed32));
            Span<byte> bytes = stackalloc byte[sizeof(float)];
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            _bytes.Write(bytes);
        }

        public void Nested(int field, ReadOnlySpan<byte> content)
        {
            WriteVarint((ulong)(field << 3 | Bytes));
            WriteVarint((ulong)content.Length);
            _bytes.Write(content);
        }

        private void WriteVarint(ulong value)
        {
            for (; value >= 0x80; value >>= 7) _bytes.WriteByte((byte)(value | 0x80));
            _bytes.WriteByte((byte)value);
        }
    }
}
