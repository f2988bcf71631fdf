using System.Text;

namespace Spikeformer.Recipes;

/// <summary>The place of a value: line and column in a file, from 1, or 0 for a command-line option.</summary>
internal readonly record struct Origin(string Source, int Line, int Column)
{
    public static Origin Option(string text) => new(text, 0, 0);
}

/// <summary>A JSON value with its place in the text, so that every error can name a line and column.</summary>
internal sealed record JsonTree(JsonValueKind Kind, Origin Origin)
{
    /// <summary>A number as written, or the content of a string.</summary>
    public string Text { get; init; } = "";
    /// <summary>Whether this is an unquoted value of an option, which can also be read as a string.</summary>
    public bool Bare { get; init; }
    /// <summary>The fields of an object in the order of the text, including repeated keys.</summary>
    public List<JsonMember> Members { get; } = [];
    /// <summary>The elements of an array.</summary>
    public List<JsonTree> Items { get; } = [];

    /// <summary>The value in words, for messages.</summary>
    public string Described => Kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => $"the text \"{Text}\"",
        JsonValueKind.Number => Text,
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };

    /// <summary>Parses UTF-8 text as strict JSON with comments.</summary>
    /// <exception cref="RecipeException">The text is not JSON. The message names the place of the first error.</exception>
    public static JsonTree Parse(ReadOnlySpan<byte> utf8, string source)
    {
        if (utf8.StartsWith(Encoding.UTF8.Preamble)) utf8 = utf8[Encoding.UTF8.Preamble.Length..];
        int[] lineStarts = LineStarts(utf8);
        try
        {
            int invalid = FirstInvalidByte(utf8);
            if (invalid >= 0) throw Refused(Place(utf8, lineStarts, invalid, source), "is not valid UTF-8");
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip });
            reader.Read();
            JsonTree root = Value(ref reader, utf8, lineStarts, source);
            reader.Read(); // throws if anything but comments follows the value
            return root;
        }
        catch (JsonException error)
        {
            int line = (int)Math.Min(error.LineNumber ?? 0, lineStarts.Length - 1);
            int position = (int)Math.Min(lineStarts[line] + (error.BytePositionInLine ?? 0), utf8.Length);
            string detail = error.Message.Split(" LineNumber:")[0].TrimEnd('.');
            throw Refused(Place(utf8, lineStarts, position, source), $"is not valid JSON: {detail}");
        }
    }

    private static RecipeException Refused(Origin place, string what) =>
        new(place.Source, [new RecipeProblem("", place.Source, place.Line, place.Column, what)]);

    private static JsonTree Value(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, int[] lineStarts, string source)
    {
        Origin origin = Place(utf8, lineStarts, (int)reader.TokenStartIndex, source);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var node = new JsonTree(JsonValueKind.Object, origin);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    Origin keyOrigin = Place(utf8, lineStarts, (int)reader.TokenStartIndex, source);
                    string key = StringOf(ref reader, keyOrigin);
                    reader.Read();
                    node.Members.Add(new(key, keyOrigin, Value(ref reader, utf8, lineStarts, source)));
                }
                return node;
            case JsonTokenType.StartArray:
                var list = new JsonTree(JsonValueKind.Array, origin);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    list.Items.Add(Value(ref reader, utf8, lineStarts, source));
                return list;
            case JsonTokenType.String: return new(JsonValueKind.String, origin) { Text = StringOf(ref reader, origin) };
            case JsonTokenType.Number: return new(JsonValueKind.Number, origin) { Text = Encoding.UTF8.GetString(reader.ValueSpan) };
            case JsonTokenType.True: return new(JsonValueKind.True, origin);
            case JsonTokenType.False: return new(JsonValueKind.False, origin);
            default: return new(JsonValueKind.Null, origin);
        }
    }

    private static string StringOf(ref Utf8JsonReader reader, Origin origin)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException) // half of a surrogate pair
        {
            throw Refused(origin, "contains an escape sequence that is not a character");
        }
    }

    private static int[] LineStarts(ReadOnlySpan<byte> utf8)
    {
        List<int> starts = [0];
        for (int i = 0; i < utf8.Length; i++)
            if (utf8[i] == '\n') starts.Add(i + 1);
        return [.. starts];
    }

    private static Origin Place(ReadOnlySpan<byte> utf8, int[] lineStarts, int position, string source)
    {
        int line = Array.BinarySearch(lineStarts, position);
        if (line < 0) line = ~line - 1;
        return new(source, line + 1, Encoding.UTF8.GetCharCount(utf8[lineStarts[line]..position]) + 1);
    }

    private static int FirstInvalidByte(ReadOnlySpan<byte> utf8)
    {
        for (int at = 0; at < utf8.Length;)
        {
            if (Rune.DecodeFromUtf8(utf8[at..], out _, out int consumed) != System.Buffers.OperationStatus.Done) return at;
            at += consumed;
        }
        return -1;
    }
}

/// <summary>A field of a JSON object.</summary>
internal sealed record JsonMember(string Key, Origin KeyOrigin, JsonTree Value);
