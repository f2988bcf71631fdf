using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;

namespace Spikeformer.Recipes;

/// <summary>A field of a recipe record in JSON. Reader, writer and schema share this description, so that they cannot disagree.</summary>
/// <param name="Name">Name in JSON.</param>
/// <param name="Property">The property of the record.</param>
/// <param name="Type">Type of the value, without <c>Nullable</c>.</param>
/// <param name="Required">Whether a recipe must contain the field.</param>
/// <param name="Nullable">Whether the value may be null.</param>
/// <param name="Range">Bounds of a number, or of each number in a list.</param>
internal sealed record RecipeField(string Name, PropertyInfo Property, Type Type, bool Required, bool Nullable, RangeAttribute? Range)
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<RecipeField>> Known = new();

    /// <summary>Returns the fields of a record in the order of their declaration.</summary>
    public static IReadOnlyList<RecipeField> Of(Type record) => Known.GetOrAdd(record, static type =>
        [.. from property in type.GetProperties()
            where property.CanWrite
            orderby property.MetadataToken
            select Describe(property)]);

    private static RecipeField Describe(PropertyInfo property) => new(
        JsonNamingPolicy.CamelCase.ConvertName(property.Name),
        property,
        System.Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType,
        property.IsDefined(typeof(RequiredMemberAttribute)),
        new NullabilityInfoContext().Create(property).ReadState == NullabilityState.Nullable,
        property.GetCustomAttribute<RangeAttribute>());

    /// <summary>Returns the element type of a list, or null for any other type.</summary>
    public static Type? ElementOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : null;

    /// <summary>Whether a type is a nested record of a recipe.</summary>
    public static bool IsRecord(Type type) => type.IsClass && type != typeof(string);

    /// <summary>Returns the JSON names of an enumeration's values, in the order of their declaration.</summary>
    public static IReadOnlyList<string> NamesOf(Type enumeration) =>
        [.. Enum.GetValues(enumeration).Cast<object>().Select(value => NameOf((Enum)value))];

    /// <summary>Returns the JSON name of an enumeration's value.</summary>
    public static string NameOf(Enum value) =>
        value.GetType().GetField(value.ToString())!.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()?.Name
        ?? JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    /// <summary>Returns the problem with a number that is out of bounds, or null for a valid number.</summary>
    public static string? OutOfRange(RangeAttribute? range, object number)
    {
        double value = Convert.ToDouble(number, CultureInfo.InvariantCulture);
        if (!double.IsFinite(value)) return $"must be finite, not {value}";
        if (range is null) return null;
        double low = Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture);
        double high = Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture);
        bool below = range.MinimumIsExclusive ? value <= low : value < low;
        bool above = range.MaximumIsExclusive ? value >= high : value > high;
        if (!below && !above) return null;
        string from = range.MinimumIsExclusive ? $"above {low}" : $"at least {low}";
        string to = range.MaximumIsExclusive ? $"below {high}" : $"at most {high}";
        return $"must be {from} and {to}, not {value}";
    }
}
