using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker;

/// <summary>
/// How a state travels from a member to one that follows: requests of nine bytes, answers with a length, a hash and bytes. The connection has
/// been authenticated before. All numbers are little-endian.
/// </summary>
internal static class StateWire
{
    /// <summary>What a follower asks for.</summary>
    public enum Request : byte
    {
        /// <summary>The whole state: with at least so many committed steps, or, for a negative number, at the next boundary.</summary>
        State = 1,
        /// <summary>The reduced vector of a step.</summary>
        Reduced = 2,
    }

    /// <summary>What it gets.</summary>
    public enum Answer : byte
    {
        /// <summary>The bytes that were asked for follow.</summary>
        Here = 1,
        /// <summary>The step is not kept any more: ask for the state.</summary>
        Gone = 2,
        /// <summary>The member has left its generation.</summary>
        Left = 3,
    }

    private const int RequestBytes = 9, AnswerBytes = 17;

    // The header of a state: what is no tensor, as JSON, behind its length.
    private sealed record Header(StateCounters Counters, ProgressState Progress, IReadOnlyList<StepLine> Recent);

    private static readonly JsonSerializerOptions s_json = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
        IgnoreReadOnlyProperties = true,
    };

    /// <summary>Asks.</summary>
    public static void Ask(Stream stream, Request request, long step)
    {
        Span<byte> bytes = stackalloc byte[RequestBytes];
        bytes[0] = (byte)request;
        BinaryPrimitives.WriteInt64LittleEndian(bytes[1..], step);
        stream.Write(bytes);
    }

    /// <summary>Reads what is asked; null when the follower has gone.</summary>
    public static (Request Request, long Step)? ReadRequest(Stream stream)
    {
        Span<byte> bytes = stackalloc byte[RequestBytes];
        int read = stream.ReadAtLeast(bytes, RequestBytes, throwOnEndOfStream: false);
        return read < RequestBytes ? null : ((Request)bytes[0], BinaryPrimitives.ReadInt64LittleEndian(bytes[1..]));
    }

    /// <summary>Answers without bytes.</summary>
    public static void Send(Stream stream, Answer answer)
    {
        Span<byte> bytes = stackalloc byte[AnswerBytes];
        bytes.Clear();
        bytes[0] = (byte)answer;
        stream.Write(bytes);
    }

    /// <summary>Answers with a reduced vector.</summary>
    public static void Send(Stream stream, ReadOnlySpan<byte> vector)
    {
        WriteHead(stream, vector.Length, XxHash3.HashToUInt64(vector));
        stream.Write(vector);
    }

    /// <summary>Answers with a state.</summary>
    public static void Send(Stream stream, StateCopy state)
    {
        byte[] header = JsonSerializer.SerializeToUtf8Bytes(new Header(state.Counters, state.Progress, state.Recent), s_json);
        byte[] length = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, header.Length);
        ReadOnlyMemory<byte>[] parts = [length, header, .. state.Tensors.Select(tensor => tensor.Data)];
        var hash = new XxHash3();
        foreach (ReadOnlyMemory<byte> part in parts) hash.Append(part.Span);
        WriteHead(stream, parts.Sum(part => (long)part.Length), hash.GetCurrentHashAsUInt64());
        foreach (ReadOnlyMemory<byte> part in parts) stream.Write(part.Span);
    }

    /// <summary>Reads a reduced vector into a step vector.</summary>
    /// <returns>What came; the vector is filled for <see cref="Answer.Here"/> only.</returns>
    /// <exception cref="InvalidDataException">It has another length or other bytes than were sent.</exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static Answer Read(Stream stream, StepVector into)
    {
        (Answer answer, long length, ulong hash) = ReadHead(stream);
        if (answer is not Answer.Here) return answer;
        Span<byte> bytes = MemoryMarshal.AsBytes(TensorMemory.Span<float>(into.Values));
        if (length != bytes.Length) throw new InvalidDataException($"A reduced vector of {length} bytes came instead of {bytes.Length}");
        stream.ReadExactly(bytes);
        if (XxHash3.HashToUInt64(bytes) != hash) throw new InvalidDataException("A reduced vector came with other bytes than were sent");
        return answer;
    }

    /// <summary>Reads a state.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="specs">Names, types and shapes of its tensors.</param>
    /// <returns>The state, or null when the member has left its generation.</returns>
    /// <exception cref="InvalidDataException">It has another length or other bytes than were sent.</exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static StateCopy? ReadState(Stream stream, IReadOnlyList<TensorSpec> specs)
    {
        (Answer answer, long length, ulong expected) = ReadHead(stream);
        if (answer is not Answer.Here) return null;
        var hash = new XxHash3();
        int headerLength = BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));
        long tensorBytes = specs.Sum(spec => spec.Bytes);
        if (headerLength is < 2 or > 1 << 26 || length != sizeof(int) + headerLength + tensorBytes)
            throw new InvalidDataException($"A state of {length} bytes came instead of {tensorBytes} and a header");
        byte[] header = Take(headerLength);
        var tensors = specs.Select(spec => new StateTensor(spec.Name, spec.Type, spec.Shape, Take(checked((int)spec.Bytes)))).ToArray();
        if (hash.GetCurrentHashAsUInt64() != expected) throw new InvalidDataException("A state came with other bytes than were sent");
        try
        {
            if (JsonSerializer.Deserialize<Header>(header, s_json) is { Counters: { } counters, Progress: { } progress, Recent: { } recent })
                return new(counters, progress, recent, tensors);
        }
        catch (JsonException)
        {
        }
        throw new InvalidDataException("The header of a state cannot be read");

        byte[] Take(int count)
        {
            var bytes = new byte[count];
            stream.ReadExactly(bytes);
            hash.Append(bytes);
            return bytes;
        }
    }

    private static void WriteHead(Stream stream, long length, ulong hash)
    {
        Span<byte> bytes = stackalloc byte[AnswerBytes];
        bytes[0] = (byte)Answer.Here;
        BinaryPrimitives.WriteInt64LittleEndian(bytes[1..], length);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[9..], hash);
        stream.Write(bytes);
    }

    private static (Answer Answer, long Length, ulong Hash) ReadHead(Stream stream)
    {
        Span<byte> bytes = stackalloc byte[AnswerBytes];
        stream.ReadExactly(bytes);
        var answer = (Answer)bytes[0];
        if (answer is not (Answer.Here or Answer.Gone or Answer.Left)) throw new InvalidDataException($"An answer of kind {bytes[0]} came");
        return (answer, BinaryPrimitives.ReadInt64LittleEndian(bytes[1..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[9..]));
    }
}
