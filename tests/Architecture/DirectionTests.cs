using ArchUnitNET.Domain;
using Xunit;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace Spikeformer.Architecture;

public sealed class DirectionTests
{
    private const string Violations = "Spikeformer.Architecture.Violations";

    [Theory]
    [InlineData(Houses.Model, Houses.Grains, Houses.Silo, Houses.Library, Houses.Cli)]
    [InlineData(Houses.Grains, Houses.Silo, Houses.Library, Houses.Cli)]
    [InlineData(Houses.Silo, Houses.Library, Houses.Cli)]
    [InlineData(Houses.Library, Houses.Silo, Houses.Cli)]
    [InlineData(Houses.Cli, Houses.Silo)]
    public void No_project_depends_on_one_above_or_beside_it(string project, params string[] others) =>
        Assert.Empty(HouseRules.Breaches(Houses.Programs, Assembly(project), Assembly(others)));

    // Else a misspelled name would let everything pass.
    [Theory]
    [InlineData(Houses.Grains, Houses.Model)]
    [InlineData(Houses.Silo, Houses.Grains)]
    [InlineData(Houses.Library, Houses.Grains)]
    [InlineData(Houses.Cli, Houses.Library)]
    public void Every_project_is_seen_to_depend_on_the_one_below_it(string project, string below) =>
        Assert.NotEmpty(HouseRules.Breaches(Houses.Programs, Assembly(project), Assembly(below)));

    [Fact]
    public void The_model_knows_nothing_of_Orleans_hosts_or_sockets() =>
        Assert.Empty(HouseRules.Breaches(Houses.Programs, Assembly(Houses.Model), Foreign(@"^(Orleans|Microsoft\.AspNetCore|Microsoft\.Extensions|System\.Net)\.")));

    [Fact]
    public void The_data_plane_knows_nothing_of_Orleans() =>
        Assert.Empty(HouseRules.Breaches(Houses.Programs, Types().That().ResideInNamespaceMatching(@"^Spikeformer\.Collectives(\.|$)"), Foreign(@"^Orleans")));

    [Fact]
    public void The_client_library_has_no_console_and_no_plots() =>
        Assert.Empty(HouseRules.Breaches(Houses.Programs, Assembly(Houses.Library), Foreign(@"^(System\.Console$|System\.CommandLine\.|Spectre\.|ScottPlot\.|SkiaSharp\.)")));

    [Fact]
    public void A_dependency_upwards_is_found_in_whatever_form_it_has()
    {
        IObjectProvider<IType> below = Types().That().ResideInNamespace($"{Violations}.Below"), above = Types().That().ResideInNamespace($"{Violations}.Above");
        string[] guilty = [.. HouseRules.Breaches(Houses.Violations, below, above).Select(breach => breach.Type.Split('.')[^1]).Order(StringComparer.Ordinal)];
        Assert.Equal(
            [
                "ArgumentOfMethod", "AsyncLambda", "AsyncMethod", "AttributeOnMethod", "BaseClass", "Closure", "ClosureInAsyncLambda", "Constraint`1", "Field",
                "Interface", "Iterator", "Lambda", "LambdaInField", "LocalFunction", "NestedType+Inner", "Parameter", "Pattern", "StaticField", "StaticProperty",
                "TypeArgument", "TypeOf",
            ], guilty);
    }

    [Theory]
    [InlineData(@"^System\.Net\.")]
    [InlineData(@"^System\.Console$")]
    public void A_use_of_something_foreign_is_found(string forbidden)
    {
        Breach breach = Assert.Single(HouseRules.Breaches(Houses.Violations, Types().That().ResideInNamespace($"{Violations}.Outside"), Foreign(forbidden)));
        Assert.Equal($"{Violations}.Outside.Talker", breach.Type);
    }

    private static IObjectProvider<IType> Assembly(params string[] names) => Types().That().ResideInAssemblyMatching($"^({string.Join('|', names)}),");

    private static IObjectProvider<IType> Foreign(string names) => Types(includeReferenced: true).That().HaveFullNameMatching(names);
}
