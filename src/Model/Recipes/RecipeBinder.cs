using System.Globalization;

namespace Spikeformer.Recipes;

/// <summary>Converts JSON into recipe records. It records errors and continues, so that all errors are reported at once.</summary>
internal sealed class RecipeBinder
{
    private readonly Dictionary<string, Origin> _origins = [];
    private readonly List<RecipeProblem> _problems = [];

    /// <summary>The problems so far, in the order of the text, with options last.</summary>
    public IReadOnlyList<RecipeProblem> Problems =>
        [.. _problems.OrderBy(p => p.Line == 0).ThenBy(p => p.Line).ThenBy(p => p.Column)];

    /// <summary>Converts the whole tree. Fields with problems keep their default value, and missing records become empty records.</summary>
    public Recipe Bind(JsonTree root) => (Recipe)BindRecord(root, typeof(Recipe), "");

    /// <summary>Whether the text contains this field.</summary>
    public bool IsGiven(string path) => _origins.ContainsKey(path);

    /// <summary>Records a problem at a field, or at the innermost record around it if the text does not contain the field.</summary>
    public void Report(string path, string what)
    {
        string at = path;
        Origin origin;
        while (!_origins.TryGetValue(at, out origin)) at = at[..Math.Max(at.LastIndexOf('.'), 0)];
        Report(path, origin, what);
    }

    /// <summary>Whether a problem was recorded for the field or for one above or below it, so that the field may only hold a default value.</summary>
    public bool IsFaulty(string path) => _problems.Any(p => Holds(p.Path, path) || Holds(path, p.Path));

    private static bool Holds(string outer, string inner) =>
        inner == outer || outer.Length == 0 || (inner.StartsWith(outer, StringComparison.Ordinal) && inner[outer.Length] == '.');

    private void Report(string path, Origin origin, string what) =>
        _problems.Add(new(path, origin.Source, origin.Line, origin.Column, what));

    private object BindRecord(JsonTree node, Type type, string path)
    {
        _origins[path] = node.Origin;
        object record = Activator.CreateInstance(type)!;
        IReadOnlyList<RecipeField> fields = RecipeField.Of(type);
        HashSet<string> seen = [];
        if (node.Kind != JsonValueKind.Object) Report(path, node.Origin, $"expects an object in braces, not {node.Described}");
        foreach (JsonMember member in node.Members)
        {
            string memberPath = Join(path, member.Key);
            if (path.Length == 0 && member.Key == "$schema") continue; // for editors
            RecipeField? field = fields.FirstOrDefault(f => f.Name == member.Key);
            if (field is null)
                Report(memberPath, member.KeyOrigin, "is unknown" + UnknownHint(member.Key, fields));
            else if (!seen.Add(member.Key))
                Report(memberPath, member.KeyOrigin, "is given twice");
            else if (BindValue(member.Value, field.Type, field, memberPath) is { } value)
                field.Property.SetValue(record, value);
        }
        foreach (RecipeField field in fields.Where(f => !seen.Contains(f.Name)))
            if (field.Required && node.Kind == JsonValueKind.Object) Report(Join(path, field.Name), node.Origin, "is missing");
        foreach (RecipeField field in fields.Where(f => !f.Nullable && f.Property.GetValue(record) is null))
            field.Property.SetValue(record, Empty(field.Type));
        return record;
    }

    private static string UnknownHint(string key, IReadOnlyList<RecipeField> fields) =>
        ClosestName.Hint(key, fields.Select(f => f.Name)) is { Length: > 0 } hint
            ? hint
            : $"; fields here are {string.Join(", ", fields.Select(f => f.Name))}";

    private static object Empty(Type type) =>
        type == typeof(string) ? ""
        : RecipeField.ElementOf(type) is { } element ? Array.CreateInstance(element, 0)
        : EmptyRecord(type);

    private static object EmptyRecord(Type type)
    {
        object record = Activator.CreateInstance(type)!;
        foreach (RecipeField field in RecipeField.Of(type).Where(f => !f.Nullable && f.Property.GetValue(record) is null))
            field.Property.SetValue(record, Empty(field.Type));
        return record;
    }

    /// <summary>Returns the value, or null if the value is null or has a problem.</summary>
    private object? BindValue(JsonTree node, Type type, RecipeField field, string path)
    {
        _origins[path] = node.Origin;
        if (node.Kind == JsonValueKind.Null)
        {
            if (!field.Nullable) Report(path, node.Origin, "must not be null");
            return null;
        }
        if (RecipeField.ElementOf(type) is { } element) return BindList(node, element, field, path);
        if (RecipeField.IsRecord(type)) return BindRecord(node, type, path);
        if (type.IsEnum) return BindEnum(node, type, path);
        object? value = Scalar(node, type);
        string? problem = value is null ? $"expects {Expected(type)}, not {node.Described}"
            : value is string or bool ? null
            : RecipeField.OutOfRange(field.Range, value);
        if (problem is null) return value;
        Report(path, node.Origin, problem);
        return null;
    }

    private Array? BindList(JsonTree node, Type element, RecipeField field, string path)
    {
        if (node.Kind != JsonValueKind.Array)
        {
            Report(path, node.Origin, $"expects a list in square brackets, not {node.Described}");
            return null;
        }
        var list = Array.CreateInstance(element, node.Items.Count);
        for (int i = 0; i < list.Length; i++)
        {
            string itemPath = $"{path}.{i}";
            object? item = BindValue(node.Items[i], element, field with { Nullable = false }, itemPath);
            list.SetValue(item ?? (element.IsValueType ? Activator.CreateInstance(element) : Empty(element)), i);
        }
        return list;
    }

    private object? BindEnum(JsonTree node, Type type, string path)
    {
        IReadOnlyList<string> names = RecipeField.NamesOf(type);
        int index = node.Kind == JsonValueKind.String ? names.ToList().IndexOf(node.Text) : -1;
        if (index >= 0) return Enum.GetValues(type).GetValue(index);
        string hint = node.Kind == JsonValueKind.String ? ClosestName.Hint(node.Text, names) : "";
        Report(path, node.Origin, $"expects one of {string.Join(", ", names)}, not {node.Described}{hint}");
        return null;
    }

    private static object? Scalar(JsonTree node, Type type)
    {
        if (type == typeof(string)) return node.Kind == JsonValueKind.String || node.Bare ? node.Text : null;
        if (type == typeof(bool)) return node.Kind is JsonValueKind.True or JsonValueKind.False ? node.Kind == JsonValueKind.True : null;
        if (node.Kind != JsonValueKind.Number) return null;
        CultureInfo culture = CultureInfo.InvariantCulture;
        if (type == typeof(int)) return int.TryParse(node.Text, NumberStyles.AllowLeadingSign, culture, out int i) ? i : null;
        if (type == typeof(long)) return long.TryParse(node.Text, NumberStyles.AllowLeadingSign, culture, out long l) ? l : null;
        if (type == typeof(ulong)) return ulong.TryParse(node.Text, NumberStyles.None, culture, out ulong u) ? u : null;
        return double.Parse(node.Text, NumberStyles.Float, culture);
    }

    private static string Expected(Type type) =>
        type == typeof(string) ? "text in quotes"
        : type == typeof(bool) ? "true or false"
        : type == typeof(int) ? "a whole number within 32 bits"
        : type == typeof(long) ? "a whole number within 64 bits"
        : type == typeof(ulong) ? "a whole number from 0 to 2^64-1"
        : "a number";

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
