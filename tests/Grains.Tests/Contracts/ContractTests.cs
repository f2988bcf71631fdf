using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Spikeformer.Contracts;
using Spikeformer.Grains.Tests.Runs;
using Xunit;

namespace Spikeformer.Grains.Tests.Contracts;

/// <summary>What travels between processes of different versions.</summary>
public sealed class ContractTests(TestSilo silo) : IClassFixture<TestSilo>
{
    private static readonly Serializer s_serializer = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();

    private static IEnumerable<Type> All => typeof(IRunGrain).Assembly.GetExportedTypes().Where(type => type.Namespace == "Spikeformer.Contracts");

    private static IEnumerable<Type> Messages => All.Where(type => type.IsClass && !IsStatic(type));

    public static TheoryData<Type> MessageTypes() => [.. Messages];

    public static TheoryData<Type> GrainTypes() => [.. All.Where(type => type.IsInterface)];

    [Fact]
    public void The_contracts_are_records_enums_and_grain_interfaces()
    {
        Assert.All(All, type => Assert.True(type.IsEnum || type.IsInterface || IsStatic(type) || type.IsSealed && type.GetMethod("<Clone>$") is not null, type.Name));
        string[] aliases = [.. All.Where(type => !type.IsEnum && !IsStatic(type)).Select(type => type.GetCustomAttribute<AliasAttribute>()?.Alias ?? $"{type.Name} has none")];
        Assert.Equal(All.Where(type => !type.IsEnum && !IsStatic(type)).Select(type => $"spikeformer.{type.Name}").Order(), aliases.Order());
    }

    [Theory]
    [MemberData(nameof(MessageTypes))]
    public void Every_property_has_an_id_of_its_own(Type type)
    {
        Assert.NotNull(type.GetCustomAttribute<GenerateSerializerAttribute>());
        Assert.NotNull(type.GetCustomAttribute<ImmutableAttribute>());
        Assert.Equal(Enumerable.Range(0, Properties(type).Length).Select(id => (uint)id), Properties(type).Select(property => property.GetCustomAttribute<IdAttribute>()!.Id).Order());
    }

    [Theory]
    [MemberData(nameof(MessageTypes))]
    public void A_filled_message_arrives_as_it_was_sent(Type type)
    {
        object message = Filled(type, depth: 0);
        Assert.All(Properties(type), property => Assert.NotEqual(property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : null, property.GetValue(message)));
        Assert.Equal(Text(message), Text(RoundTrip(message)));
    }

    [Theory]
    [MemberData(nameof(MessageTypes))]
    public void An_empty_message_arrives_as_it_was_sent(Type type)
    {
        object message = Filled(type, depth: 9);
        Assert.Equal(Text(message), Text(RoundTrip(message)));
    }

    [Theory]
    [MemberData(nameof(GrainTypes))]
    public void Every_grain_can_be_called_and_every_call_has_a_name_and_a_time_out(Type type)
    {
        Assert.True(type.IsInstanceOfType(type.GetInterfaces().Contains(typeof(IGrainWithIntegerKey))
            ? silo.Grains.GetGrain(type, 0)
            : silo.Grains.GetGrain(type, "key")));
        Assert.All(type.GetMethods(), method =>
        {
            Assert.Equal(method.Name, method.GetCustomAttribute<AliasAttribute>()?.Alias);
            Assert.NotNull(method.GetCustomAttribute<ResponseTimeoutAttribute>());
        });
    }

    [Fact]
    public void Versions_that_know_more_or_fewer_fields_understand_each_other()
    {
        var newer = new NewerNote { Text = "hello", Counts = [1, 2], Added = 5 };
        OlderNote read = s_serializer.Deserialize<OlderNote>(s_serializer.SerializeToArray(newer))!;
        Assert.Equal("hello", read.Text);
        Assert.Equal([1, 2], read.Counts);

        NewerNote back = s_serializer.Deserialize<NewerNote>(s_serializer.SerializeToArray(read))!;
        Assert.Equal(("hello", 7), (back.Text, back.Added));
        Assert.Equal([1, 2], back.Counts);
    }

    private static bool IsStatic(Type type) => type.IsAbstract && type.IsSealed;

    private static PropertyInfo[] Properties(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly);

    private static object RoundTrip(object message) => s_serializer.Deserialize<object>(s_serializer.SerializeToArray(message))!;

    /// <summary>An instance with every property set to something other than its default; below some depth, everything is empty.</summary>
    private static object Filled(Type type, int depth)
    {
        object message = RuntimeHelpers.GetUninitializedObject(type);
        foreach (PropertyInfo property in Properties(type)) property.SetValue(message, Value(property, depth));
        return message;
    }

    private static object? Value(PropertyInfo property, int depth)
    {
        bool isEmpty = depth > 4;
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        int seed = property.Name.Length + 1;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            Type element = type.GenericTypeArguments[0];
            var list = Array.CreateInstance(element, isEmpty ? 0 : 2);
            for (int i = 0; i < list.Length; i++) list.SetValue(element == typeof(string) ? $"s{i}" : element == typeof(int) ? i + 1 : Filled(element, depth + 1), i);
            return list;
        }
        if (type == typeof(IReadOnlyDictionary<string, string>)) return isEmpty ? new Dictionary<string, string>() : new Dictionary<string, string> { ["key"] = "value" };
        if (type == typeof(byte[])) return isEmpty ? [] : new byte[] { 1, 2, 3 };
        if (isEmpty) return property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : null;
        if (type == typeof(string)) return $"{property.Name} ü";
        if (type == typeof(Guid)) return new Guid(seed, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        if (type == typeof(DateTimeOffset)) return new DateTimeOffset(2030, 1, seed % 28 + 1, 1, 2, 3, TimeSpan.FromHours(2));
        if (type == typeof(bool)) return true;
        if (type == typeof(double)) return seed / 3.0;
        if (type == typeof(ulong)) return ulong.MaxValue - (ulong)seed;
        if (type.IsEnum) return Enum.GetValues(type).GetValue(1);
        return type.IsPrimitive ? Convert.ChangeType(seed, type) : Filled(type, depth + 1);
    }

    /// <summary>All that a message holds, in words: records compare their lists by reference.</summary>
    private static string Text(object? value) => value switch
    {
        null => "null",
        string text => text,
        IDictionary pairs => $"{{{string.Join(", ", pairs.Keys.Cast<string>().Order().Select(key => $"{key}={pairs[key]}"))}}}",
        IEnumerable items => $"[{string.Join(", ", items.Cast<object>().Select(Text))}]",
        _ when value.GetType().Namespace == "Spikeformer.Contracts" && !value.GetType().IsEnum =>
            $"{value.GetType().Name}({string.Join(", ", Properties(value.GetType()).Select(property => $"{property.Name}: {Text(property.GetValue(value))}"))})",
        IFormattable number => number.ToString(value is double ? "R" : null, null),
        _ => value.ToString()!,
    };
}

/// <summary>A message as an older version knows it.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.test.OlderNote")]
public sealed record OlderNote
{
    [Id(0)] public required string Text { get; init; }
    [Id(1)] public IReadOnlyList<int> Counts { get; init; } = [];
}

/// <summary>The same message with a field more.</summary>
[GenerateSerializer, Immutable, Alias("spikeformer.test.NewerNote")]
public sealed record NewerNote
{
    [Id(0)] public required string Text { get; init; }
    [Id(1)] public IReadOnlyList<int> Counts { get; init; } = [];
    [Id(2)] public int Added { get; init; } = 7;
}
