using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Spikeformer.Recipes;

/// <summary>Writes resolved recipes as JSON that <see cref="RecipeReader"/> can read, and hashes them.</summary>
public static class RecipeWriter
{
    /// <summary>Returns the recipe as indented JSON, with every field except null ones, in the order of the records.</summary>
    public static string ToText(Recipe recipe) => Encoding.UTF8.GetString(Bytes(recipe, indented: true)) + "\n";

    /// <summary>Returns the recipe as one line of UTF-8 JSON, with the fields in the order of the records and numbers in their shortest exact form.
    /// Null fields are omitted, so that a new optional field does not change old hashes. The result does not depend on the culture.</summary>
    public static byte[] ToCanonical(Recipe recipe) => Bytes(recipe, indented: false);

    /// <summary>Returns the recipe hash: lower-case hex SHA-256 of <see cref="ToCanonical"/>. It does not depend on run options.</summary>
    public static string Hash(Recipe recipe) => Convert.ToHexStringLower(SHA256.HashData(ToCanonical(recipe)));

    private static byte[] Bytes(Recipe recipe, bool indented)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = indented, NewLine = "\n" }))
            Write(json, recipe);
        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case string text: json.WriteStringValue(text); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case int number: json.WriteNumberValue(number); break;
            case long number: json.WriteNumberValue(number); break;
            case ulong number: json.WriteNumberValue(number); break;
            case double number: json.WriteNumberValue(number); break;
            case Enum name: json.WriteStringValue(RecipeField.NameOf(name)); break;
            case IEnumerable<int> numbers when json.Options.Indented:
                json.WriteRawValue($"[{string.Join(", ", numbers)}]"); // the writer would put each number on its own line
                break;
            case System.Collections.IEnumerable list:
                json.WriteStartArray();
                foreach (object item in list) Write(json, item);
                json.WriteEndArray();
                break;
            default:
                json.WriteStartObject();
                foreach (RecipeField field in RecipeField.Of(value.GetType()))
                {
                    if (field.Property.GetValue(value) is not { } inner) continue;
                    json.WritePropertyName(field.Name);
                    Write(json, inner);
                }
                json.WriteEndObject();
                break;
        }
    }
}
