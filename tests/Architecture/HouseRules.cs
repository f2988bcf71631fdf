using ArchUnitNET.Domain;
using ArchUnitNET.Fluent.Slices;
using StronglyConnectedComponents;
using static ArchUnitNET.Fluent.ArchRuleDefinition;
using House = ArchUnitNET.Domain.Architecture;

namespace Spikeformer.Architecture;

/// <summary>
/// The rules that keep the house in order, for the programs and for the violations alike. ArchUnitNET reads the compiled code: bodies that the compiler
/// moves into types of its own count for the type that they were written in. Two uses leave no trace there: constants, and a catch clause that does
/// nothing with its exception.
/// </summary>
internal static class HouseRules
{
    /// <summary>Circles between rooms. A room is a namespace of one assembly; a namespace and the one inside it are two rooms.</summary>
    /// <param name="house">Where to look.</param>
    /// <param name="prefix">Rooms whose namespace begins differently are left out: generators have namespaces of their own.</param>
    public static IReadOnlyList<Circle> Circles(House house, string prefix)
    {
        var slices = new SliceRuleCreator();
        slices.SetSliceAssignment(new(
            type => type.Namespace.FullName.StartsWith(prefix, StringComparison.Ordinal)
                ? SliceIdentifier.Of($"{type.Assembly.Name}/{type.Namespace.FullName}")
                : SliceIdentifier.Ignore(),
            "that are rooms"));
        return [.. from result in new SlicesShould(slices).BeFreeOfCycles().Evaluate(house)
                   where !result.Passed
                   let rooms = ((DependencyCycle<Slice>)result.EvaluatedObject).Contents.Select(slice => slice.Description)
                   select new Circle([.. rooms.Order(StringComparer.Ordinal)], result.Description)];
    }

    /// <summary>Types that depend on something forbidden.</summary>
    /// <param name="house">Where to look.</param>
    /// <param name="users">The types that must not.</param>
    /// <param name="forbidden">The types that they must not depend on.</param>
    public static IReadOnlyList<Breach> Breaches(House house, IObjectProvider<IType> users, IObjectProvider<IType> forbidden) =>
        [.. from result in Types().That().Are(users).Should().NotDependOnAny(forbidden).Evaluate(house)
            where !result.Passed
            select new Breach((result.EvaluatedObject as IType)?.FullName ?? "", result.Description)];
}

/// <summary>Rooms that depend on each other, in order, and the types that do.</summary>
internal sealed record Circle(IReadOnlyList<string> Rooms, string Description)
{
    public override string ToString() => Description;
}

/// <summary>A type that depends on something it must not, and on what.</summary>
internal sealed record Breach(string Type, string Description)
{
    public override string ToString() => Description;
}
