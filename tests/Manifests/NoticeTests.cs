using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Manifests;

public sealed partial class NoticeTests
{
    private static readonly string s_notices = File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "THIRD-PARTY-NOTICES.md"));

    [Fact]
    public void The_notices_name_every_package_of_both_programs() => Assert.Empty(Unnamed(s_notices));

    [Fact]
    public void A_package_that_the_notices_do_not_name_is_found() =>
        Assert.Equal(["ScottPlot"], Unnamed(s_notices.Replace("`ScottPlot`", "", StringComparison.Ordinal)));

    // These tests reference both programs, so their own list of packages contains all that the programs load.
    private static IEnumerable<string> Unnamed(string notices)
    {
        string list = Path.Combine(AppContext.BaseDirectory, $"{typeof(NoticeTests).Assembly.GetName().Name}.deps.json");
        string[] named = [.. Name().Matches(notices).Select(match => match.Groups[1].Value)];
        JsonNode content = JsonNode.Parse(File.ReadAllText(list))!;
        return from target in content["targets"]!.AsObject()
               from library in target.Value!.AsObject()
               where (string?)content["libraries"]![library.Key]!["type"] == "package"
               where library.Value!["runtime"] is not null || library.Value["native"] is not null
               let package = library.Key.Split('/')[0]
               where !named.Any(name => name.EndsWith('*') ? package.StartsWith(name[..^1], StringComparison.Ordinal) : package == name)
               select package;
    }

    [GeneratedRegex(@"`([\w.-]+\*?)`")]
    private static partial Regex Name();
}
