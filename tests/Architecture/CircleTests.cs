using Xunit;

namespace Spikeformer.Architecture;

public sealed class CircleTests
{
    private const string Violations = "Spikeformer.Architecture.Violations";

    [Fact]
    public void No_rooms_depend_on_each_other() => Assert.Empty(HouseRules.Circles(Houses.Programs, "Spikeformer"));

    [Fact]
    public void Circles_are_found_between_neighbours_and_between_a_room_and_the_one_inside_it()
    {
        string[] circles = [.. HouseRules.Circles(Houses.Violations, Violations).Select(circle => string.Join(' ', circle.Rooms)).Order(StringComparer.Ordinal)];
        Assert.Equal([Rooms("Circles.First", "Circles.Second", "Circles.Third"), Rooms("Nested", "Nested.Inner")], circles);
    }

    private static string Rooms(params string[] names) => string.Join(' ', names.Select(name => $"Spikeformer.Architecture/{Violations}.{name}"));
}
