using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Spikeformer.Recipes;

/// <summary>The JSON Schema of recipes, which lets editors complete, explain and check them.</summary>
public static partial class RecipeSchema
{
    /// <summary>Returns the schema (draft 2020-12) as indented JSON. Descriptions come from the XML documentation file beside the assembly, and
    /// are omitted without that file.</summary>
    public static string ToText()
    {
        JsonObject schema = RecordOf(typeof(Recipe), Descriptions());
        schema["properties"]!.AsObject().Insert(0, "$schema", new JsonObject { ["type"] = "string" });
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.Insert(1, "title", "Spikeformer recipe");
        return schema.ToJsonString(new JsonSerializerOptions { WriteIndented = true, NewLine = "\n" }) + "\n";
    }

    private static JsonObject RecordOf(Type type, IReadOnlyDictionary<string, string> descriptions)
    {
        var properties = new JsonObject();
        var required = new JsonArray();
        object defaults = Activator.CreateInstance(type)!;
        foreach (RecipeField field in RecipeField.Of(type))
        {
            JsonObject value = ValueOf(field.Type, field, descriptions);
            if (field.Nullable) value = new JsonObject { ["anyOf"] = new JsonArray(value, new JsonObject { ["type"] = "null" }) };
            if (descriptions.TryGetValue($"P:{type.FullName}.{field.Property.Name}", out string? text))
                value.Insert(0, "description", text);
            if (!field.Required && field.Property.GetValue(defaults) is { } fallback) value["default"] = DefaultOf(fallback);
            properties[field.Name] = value;
            if (field.Required) required.Add(field.Name);
        }
        return new JsonObject
        {
            ["type"] = "object", ["additionalProperties"] = false, ["required"] = required, ["properties"] = properties,
        };
    }

    private static JsonObject ValueOf(Type type, RecipeField field, IReadOnlyDictionary<string, string> descriptions)
    {
        if (RecipeField.ElementOf(type) is { } element)
            return new JsonObject { ["type"] = "array", ["items"] = ValueOf(element, field, descriptions) };
        if (RecipeField.IsRecord(type)) return RecordOf(type, descriptions);
        if (type.IsEnum)
            return new JsonObject { ["enum"] = new JsonArray([.. RecipeField.NamesOf(type).Select(n => JsonValue.Create(n))]) };
        if (type == typeof(string)) return new JsonObject { ["type"] = "string" };
        if (type == typeof(bool)) return new JsonObject { ["type"] = "boolean" };
        var number = new JsonObject { ["type"] = type == typeof(double) ? "number" : "integer" };
        if (type == typeof(ulong)) number["minimum"] = 0;
        if (field.Range is not { } range) return number;
        number[range.MinimumIsExclusive ? "exclusiveMinimum" : "minimum"] = JsonSerializer.SerializeToNode(range.Minimum);
        number[range.MaximumIsExclusive ? "exclusiveMaximum" : "maximum"] = JsonSerializer.SerializeToNode(range.Maximum);
        return number;
    }

    private static JsonNode? DefaultOf(object value) => value switch
    {
        Enum name => JsonValue.Create(RecipeField.NameOf(name)),
        _ => JsonSerializer.SerializeToNode(value),
    };

    private static Dictionary<string, string> Descriptions()
    {
        string file = Path.Combine(AppContext.BaseDirectory, $"{typeof(Recipe).Assembly.GetName().Name}.xml");
        try
        {
            return XDocument.Load(file).Descendants("member").ToDictionary(
                member => (string)member.Attribute("name")!,
                member => Spaces().Replace(PlainText(member.Element("summary")), " ").Trim());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or XmlException)
        {
            return [];
        }
    }

    private static string PlainText(XElement? summary) => summary is null ? "" : string.Concat(summary.Nodes().Select(node => node switch
    {
        XElement { Name.LocalName: "see" } see => ((string?)see.Attribute("cref") ?? "").Split('.')[^1],
        XElement inner => inner.Value,
        XText text => text.Value,
        _ => "",
    }));

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
