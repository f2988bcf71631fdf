using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Spikeformer.Recipes;

/// <summary>Writes resolved recipes as JSON that <see cref="RecipeReader"/> reads back, and hashes them.</summary>
public static class RecipeWriter
{
    /// <summary>The recipe as indented JSON for people: every field in the order of the records, absent ones left out.</summary>
    public static string ToText(Recipe recipe) => Encoding.UTF8.GetString(Bytes(recipe, indented: true)) + "\n";

    /// <summary>The recipe as one line of JSON: fields in the order of the records, absent ones left out (so that a new optional field
    /// does not change old hashes), numbers in their shortest exact form whatever the culture.</summary>
    public static byte[] ToCanonical(Recipe recipe) => Bytes(recipe, indented: false);

    /// <summary>The recipe hash: lower-case hex SHA-256 of <see cref="ToCanonical"/>. Run options have no part in it.</summary>
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
                json.WriteRawValue($"[{string.Join(", ", numbers)}]"); // the writer itself would give each number a line
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
