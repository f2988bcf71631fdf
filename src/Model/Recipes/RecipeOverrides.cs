using System.Globalization;
using System.Text;

namespace Spikeformer.Recipes;

/// <summary>Applies <c>--set key=value</c> options to the JSON of a recipe, before its fields are read.</summary>
internal static class RecipeOverrides
{
    /// <summary>Sets one value. Creates missing objects on the path, and can append one element to a list.</summary>
    /// <param name="root">The tree of the recipe.</param>
    /// <param name="option">The text of the option, for example <c>schedule.0.base=1e-4</c>. The value is JSON or unquoted text.</param>
    /// <returns>The new tree, or the unchanged tree and the problem with the option.</returns>
    public static (JsonTree Root, RecipeProblem? Problem) Apply(JsonTree root, string option)
    {
        string source = $"--set {option}";
        int equals = option.IndexOf('=');
        if (equals <= 0) return (root, new("", source, 0, 0, "expects KEY=VALUE, for example model.width=64"));
        string path = option[..equals].Trim();
        string[] keys = path.Split('.');
        if (keys.Any(key => key.Length == 0)) return (root, new(path, source, 0, 0, "contains an empty name between dots"));
        try
        {
            return (With(root, keys, 0, Value(option[(equals + 1)..].Trim(), source)), null);
        }
        catch (RecipeException refused)
        {
            return (root, refused.Problems[0] with { Source = source, Line = 0, Column = 0 });
        }
    }

    private static JsonTree Value(string text, string source)
    {
        JsonTree value;
        try
        {
            value = JsonTree.Parse(Encoding.UTF8.GetBytes(text), source);
        }
        catch (RecipeException) when (!text.StartsWith('{') && !text.StartsWith('[') && !text.StartsWith('"'))
        {
            return new(JsonValueKind.String, Origin.Option(source)) { Text = text, Bare = true };
        }
        return FromOption(value, source, text);
    }

    /// <summary>Returns a copy of the value whose place is the option.</summary>
    private static JsonTree FromOption(JsonTree value, string source, string text)
    {
        bool bare = value.Kind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False;
        var copy = new JsonTree(value.Kind, Origin.Option(source)) { Text = bare ? text : value.Text, Bare = bare };
        foreach (JsonMember member in value.Members)
            copy.Members.Add(new(member.Key, copy.Origin, FromOption(member.Value, source, member.Value.Text)));
        copy.Items.AddRange(value.Items.Select(item => FromOption(item, source, item.Text)));
        return copy;
    }

    private static JsonTree With(JsonTree node, string[] keys, int depth, JsonTree value)
    {
        if (depth == keys.Length) return value;
        string path = string.Join('.', keys[..depth]);
        if (node.Kind == JsonValueKind.Array)
        {
            if (!int.TryParse(keys[depth], NumberStyles.None, CultureInfo.InvariantCulture, out int index) || index > node.Items.Count)
                throw Refused(path, $"is a list: '{keys[depth]}' must be 0 to {node.Items.Count - 1}, or {node.Items.Count} to add one",
                    value);
            var list = new JsonTree(JsonValueKind.Array, node.Origin);
            list.Items.AddRange(node.Items);
            if (index == list.Items.Count) list.Items.Add(new(JsonValueKind.Object, value.Origin));
            list.Items[index] = With(list.Items[index], keys, depth + 1, value);
            return list;
        }
        if (node.Kind != JsonValueKind.Object)
            throw Refused(path, $"is {node.Described} and has no field '{keys[depth]}'; set the whole value", value);
        var copy = new JsonTree(JsonValueKind.Object, node.Origin);
        copy.Members.AddRange(node.Members);
        int at = copy.Members.FindIndex(m => m.Key == keys[depth]);
        JsonTree inner = at >= 0 ? copy.Members[at].Value : new(JsonValueKind.Object, value.Origin);
        var member = new JsonMember(keys[depth], value.Origin, With(inner, keys, depth + 1, value));
        if (at >= 0) copy.Members[at] = member;
        else copy.Members.Add(member);
        return copy;
    }

    private static RecipeException Refused(string path, string what, JsonTree value) =>
        new(path, [new(path, value.Origin.Source, 0, 0, what)]);
}
