using System.Buffers;
using System.Text.Json;

namespace Spikeformer.Files;

/// <summary>Finds out how much of a file of JSON lines is to be kept.</summary>
internal static class JsonLines
{
    // Longer ones are not ours: what a power cut left may be any number of zeros.
    private const int MaxLineBytes = JsonLinesLog.MaxWaitingBytes;
    private const byte NewLine = (byte)'\n';

    /// <summary>
    /// Bytes from the front through the last whole line that is a JSON object, or up to the first whose <c>step</c> is above
    /// <paramref name="throughStep"/>. A damaged line in the middle is left alone: what follows it is history too.
    /// </summary>
    /// <param name="stream">The file, read from its front.</param>
    /// <param name="throughStep">The last step whose lines stay.</param>
    public static long ValidLength(Stream stream, long throughStep)
    {
        stream.Position = 0;
        var line = new ArrayBufferWriter<byte>();
        var block = new byte[1 << 16];
        long position = 0, length = stream.Length, valid = 0;
        while (position < length && stream.Read(block) is var read && read > 0)
        {
            var rest = block.AsSpan(0, read);
            for (int end; (end = rest.IndexOf(NewLine)) >= 0; rest = rest[(end + 1)..])
            {
                Gather(rest[..end]);
                position += end + 1;
                if (TryReadStep(line.WrittenSpan, out long? step))
                {
                    if (step > throughStep) return valid;
                    valid = position;
                }
                line.ResetWrittenCount();
            }
            Gather(rest);
            position += rest.Length;
        }
        return valid;

        void Gather(ReadOnlySpan<byte> part)
        {
            if (line.WrittenCount + part.Length <= MaxLineBytes) line.Write(part);
        }
    }

    // False when the line is no JSON object.
    private static bool TryReadStep(ReadOnlySpan<byte> line, out long? step)
    {
        step = null;
        var json = new Utf8JsonReader(line);
        try
        {
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject) return false;
            while (json.Read())
                if (json.TokenType == JsonTokenType.PropertyName && json.CurrentDepth == 1)
                {
                    bool isStep = json.ValueTextEquals("step"u8);
                    json.Read();
                    if (isStep && json.TokenType == JsonTokenType.Number && json.TryGetInt64(out long number)) step = number;
                    json.Skip();
                }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
