using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Spikeformer.Numerics;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>The protocol between a member and its borrowers: requests of 25 bytes; answers with a length, a hash and bytes. The connection is already
/// authenticated. All numbers are little-endian. Reading throws an InvalidDataException if an answer is damaged or unexpected, and an IOException if the
/// connection ended or the member is silent.</summary>
internal static class StateWire
{
    /// <summary>The kinds of requests.</summary>
    public enum Kind : byte
    {
        /// <summary>The member's <see cref="Transfer.Position"/>.</summary>
        Position = 1,
        /// <summary>The table of a copy of the state with these committed steps, made when the member reaches them.</summary>
        Copy = 2,
        /// <summary>A slice of that copy, by its hash.</summary>
        Slice = 3,
        /// <summary>The reduced vector of the step that follows on the borrower's state, which the step digest identifies.</summary>
        Reduced = 4,
        /// <summary>The evaluation of the epoch that ended with these committed steps, once it is known.</summary>
        Evaluation = 5,
    }

    /// <summary>A request.</summary>
    /// <param name="Kind">Its kind.</param>
    /// <param name="Step">Committed steps of the state in question.</param>
    /// <param name="Hash">Hash of the slice, or the step digest.</param>
    public readonly record struct Request(Kind Kind, long Step = 0, UInt128 Hash = default);

    /// <summary>The kinds of answers.</summary>
    public enum Answer : byte
    {
        /// <summary>The requested bytes follow.</summary>
        Here = 1,
        /// <summary>The member does not have them, or no longer.</summary>
        Gone = 2,
        /// <summary>The member has not reached that step; another answer follows. Sent at once and then every second: a silent member is lost.</summary>
        Waiting = 3,
        /// <summary>The same, in a generation whose members still align.</summary>
        Aligning = 4,
    }

    private const int HashBytes = 16, RequestBytes = 1 + sizeof(long) + HashBytes, AnswerBytes = 1 + sizeof(long) + HashBytes, PositionBytes = 2 * sizeof(long);
    // Large answers are written in pieces, since a time-out covers a whole write.
    private const int MaxTableBytes = 1 << 26, PieceBytes = 1 << 16, WriteBytes = 1 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // The head of a table: JSON after its length; the hashes follow.
    private sealed record Head(StateCounters Counters, ProgressState Progress, IReadOnlyList<StepLine> Recent);

    public static readonly JsonSerializerOptions Json = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
        IgnoreReadOnlyProperties = true,
    };

    /// <summary>Opens a borrower's end of a connection. A member that is silent for five seconds is lost.</summary>
    public static NetworkStream Open(Socket socket) =>
        new(socket) { ReadTimeout = (int)Patience.TotalMilliseconds, WriteTimeout = (int)Patience.TotalMilliseconds };

    /// <summary>Converts a step digest of 32 hex digits for a request.</summary>
    public static UInt128 Digest(string digest) => UInt128.Parse(digest, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    public static void Ask(Stream stream, Request request)
    {
        Span<byte> bytes = stackalloc byte[RequestBytes];
        bytes[0] = (byte)request.Kind;
        BinaryPrimitives.WriteInt64LittleEndian(bytes[1..], request.Step);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[(1 + sizeof(long))..], request.Hash);
        stream.Write(bytes);
    }

    /// <summary>Reads a request; null when the borrower has disconnected.</summary>
    public static Request? ReadRequest(Stream stream)
    {
        Span<byte> bytes = stackalloc byte[RequestBytes];
        int read = stream.ReadAtLeast(bytes, RequestBytes, throwOnEndOfStream: false);
        if (read < RequestBytes) return null;
        return new((Kind)bytes[0], BinaryPrimitives.ReadInt64LittleEndian(bytes[1..]), BinaryPrimitives.ReadUInt128LittleEndian(bytes[(1 + sizeof(long))..]));
    }

    public static void Send(Stream stream, Answer answer) => WriteHead(stream, answer, 0, default);

    public static void Send(Stream stream, Position position)
    {
        var bytes = new byte[PositionBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, position.Committed);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(sizeof(long)), position.Lent ?? -1);
        Send(stream, bytes);
    }

    public static void Send(Stream stream, SliceTable table)
    {
        byte[] head = JsonSerializer.SerializeToUtf8Bytes(new Head(table.Counters, table.Progress, table.Recent), Json);
        var bytes = new byte[sizeof(int) + head.Length + table.Hashes.Count * HashBytes];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, head.Length);
        head.CopyTo(bytes, sizeof(int));
        for (int i = 0; i < table.Hashes.Count; i++)
            BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(sizeof(int) + head.Length + i * HashBytes), table.Hashes[i]);
        Send(stream, bytes);
    }

    public static void Send(Stream stream, ProgressState progress) => Send(stream, JsonSerializer.SerializeToUtf8Bytes(progress, Json));

    public static void Send(Stream stream, UInt128 hash, IReadOnlyList<ReadOnlyMemory<byte>> parts)
    {
        WriteHead(stream, Answer.Here, parts.Sum(part => (long)part.Length), hash);
        foreach (ReadOnlyMemory<byte> part in parts)
            for (int at = 0; at < part.Length; at += WriteBytes) stream.Write(part.Span.Slice(at, Math.Min(WriteBytes, part.Length - at)));
    }

    /// <summary>Answers with bytes, such as a reduced vector.</summary>
    public static void Send(Stream stream, ReadOnlyMemory<byte> bytes) => Send(stream, XxHash128.HashToUInt128(bytes.Span), [bytes]);

    public static Position ReadPosition(Stream stream)
    {
        byte[] bytes = ReadChecked(stream, expected: PositionBytes) ?? throw new InvalidDataException("Received no position");
        long lent = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(sizeof(long)));
        return new(BinaryPrimitives.ReadInt64LittleEndian(bytes), lent < 0 ? null : lent);
    }

    /// <summary>Reads a table; null when the member lends no copy of that step.</summary>
    public static SliceTable? ReadTable(Stream stream)
    {
        if (ReadChecked(stream, expected: null) is not { } bytes) return null;
        int headLength = bytes.Length < sizeof(int) ? -1 : BinaryPrimitives.ReadInt32LittleEndian(bytes);
        long hashBytes = (long)bytes.Length - sizeof(int) - headLength;
        if (headLength < 0 || hashBytes < 0 || hashBytes % HashBytes != 0) throw new InvalidDataException($"Received {bytes.Length} bytes that are not a table");
        ReadOnlySpan<byte> hashes = bytes.AsSpan(sizeof(int) + headLength);
        var names = new UInt128[hashes.Length / HashBytes];
        for (int i = 0; i < names.Length; i++) names[i] = BinaryPrimitives.ReadUInt128LittleEndian(hashes[(i * HashBytes)..]);
        return Parse<Head>(bytes.AsSpan(sizeof(int), headLength)) is { Counters: { } counters, Progress: { } progress, Recent: { } recent }
            ? new(counters, progress, recent, names)
            : throw new InvalidDataException("Received a table with an invalid head");
    }

    /// <summary>Reads an evaluation.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="progress">The progress including that epoch, for <see cref="Answer.Here"/>.</param>
    /// <returns>The answer; another one follows after <see cref="Answer.Waiting"/> and <see cref="Answer.Aligning"/>.</returns>
    public static Answer Read(Stream stream, out ProgressState? progress)
    {
        (Answer answer, long length, UInt128 hash) = ReadAnyHead(stream);
        progress = answer is not Answer.Here ? null
            : Parse<ProgressState>(ReadBytes(stream, length, hash)) is { History: not null, Sums: not null } read ? read
            : throw new InvalidDataException("Received an invalid evaluation");
        return answer;
    }

    /// <summary>Reads a slice without checking its bytes, whose hash the borrower knows. Null when the member no longer has it.</summary>
    public static byte[]? ReadSlice(Stream stream, long length)
    {
        (Answer answer, long sent, _) = ReadHead(stream);
        if (answer is Answer.Gone) return null;
        if (sent != length) throw new InvalidDataException($"Received a slice of {sent} bytes instead of {length}");
        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Reads a reduced vector into a step vector.</summary>
    /// <returns>The answer; another one follows after <see cref="Answer.Waiting"/> and <see cref="Answer.Aligning"/>. The vector is filled only for
    /// <see cref="Answer.Here"/>.</returns>
    public static Answer Read(Stream stream, StepVector into)
    {
        (Answer answer, long length, UInt128 hash) = ReadAnyHead(stream);
        if (answer is not Answer.Here) return answer;
        Span<byte> bytes = MemoryMarshal.AsBytes(TensorMemory.Span<float>(into.Values));
        if (length != bytes.Length) throw new InvalidDataException($"Received a reduced vector of {length} bytes instead of {bytes.Length}");
        stream.ReadExactly(bytes);
        if (XxHash128.HashToUInt128(bytes) != hash) throw new InvalidDataException("Received a reduced vector with wrong bytes");
        return answer;
    }

    private static byte[]? ReadChecked(Stream stream, long? expected)
    {
        (Answer answer, long length, UInt128 hash) = ReadHead(stream);
        if (answer is Answer.Gone) return null;
        return length == (expected ?? length) ? ReadBytes(stream, length, hash) : throw new InvalidDataException($"Received an answer of {length} bytes");
    }

    private static byte[] ReadBytes(Stream stream, long length, UInt128 hash)
    {
        if (length is < 0 or > MaxTableBytes) throw new InvalidDataException($"Received an answer of {length} bytes");
        // Allocates for the bytes that arrive, not for the length that is claimed.
        var bytes = new MemoryStream();
        var piece = new byte[Math.Min(length, PieceBytes)];
        while (bytes.Length < length)
        {
            Span<byte> next = piece.AsSpan(0, (int)Math.Min(piece.Length, length - bytes.Length));
            stream.ReadExactly(next);
            bytes.Write(next);
        }
        byte[] all = bytes.ToArray();
        return XxHash128.HashToUInt128(all) == hash ? all : throw new InvalidDataException("Received an answer with wrong bytes");
    }

    private static T? Parse<T>(ReadOnlySpan<byte> json) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void WriteHead(Stream stream, Answer answer, long length, UInt128 hash)
    {
        Span<byte> bytes = stackalloc byte[AnswerBytes];
        bytes[0] = (byte)answer;
        BinaryPrimitives.WriteInt64LittleEndian(bytes[1..], length);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[(1 + sizeof(long))..], hash);
        stream.Write(bytes);
    }

    /// <summary>Reads the head of the final answer, past all waiting.</summary>
    private static (Answer Answer, long Length, UInt128 Hash) ReadHead(Stream stream)
    {
        while (true)
            if (ReadAnyHead(stream) is { Answer: Answer.Here or Answer.Gone } head) return head;
    }

    private static (Answer Answer, long Length, UInt128 Hash) ReadAnyHead(Stream stream)
    {
        Span<byte> bytes = stackalloc byte[AnswerBytes];
        stream.ReadExactly(bytes);
        var answer = (Answer)bytes[0];
        if (!Enum.IsDefined(answer)) throw new InvalidDataException($"Received an answer of unknown kind {bytes[0]}");
        return (answer, BinaryPrimitives.ReadInt64LittleEndian(bytes[1..]), BinaryPrimitives.ReadUInt128LittleEndian(bytes[(1 + sizeof(long))..]));
    }
}
