using System.Buffers;

namespace Spikeformer.Files;

/// <summary>Finds the intact part of a JSON Lines file.</summary>
internal static class JsonLines
{
    // A power cut can leave any number of zeros, which would look like one long line.
    private const int MaxLineBytes = JsonLinesLog.MaxWaitingBytes;
    private const byte NewLine = (byte)'\n';

    /// <summary>Returns the number of bytes to keep: through the last complete line that is a JSON object, or up to the first line whose <c>step</c> is
    /// above <paramref name="throughStep"/>. Damaged lines before valid ones are kept, because the lines after them are part of the history.</summary>
    /// <param name="stream">The file, read from its start.</param>
    /// <param name="throughStep">The last step to keep.</param>
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

    // Returns false if the line is not a JSON object.
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
