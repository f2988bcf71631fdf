using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Manifests;

public sealed class DashboardTests
{
    public static TheoryData<string, string[]> Dashboards { get; } = new()
    {
        { "fleet.json", ["datasource", "namespace"] },
        { "run.json", ["datasource", "namespace", "run", "worker"] },
        { "silo.json", ["datasource", "namespace", "silo", "worker"] },
    };

    [Fact]
    public void The_overlays_carry_all_dashboards_under_the_label_that_Grafana_looks_for()
    {
        V1ConfigMap map = ManifestSet.Load(Rendered.Overlay("prod")).Of<V1ConfigMap>().Single(map => map.Name() == "spikeformer-dashboards");
        Assert.Equal("1", map.Metadata.Labels["grafana_dashboard"]);
        Assert.Equal(Dashboards.Select(row => row.Data.Item1).Order(), map.Data.Keys.Order());
    }

    [Theory]
    [MemberData(nameof(Dashboards))]
    public void A_dashboard_breaks_no_rule_and_has_its_variables(string file, string[] variables)
    {
        Assert.Empty(DashboardRules.Problems(Read(file)));
        JsonNode dashboard = JsonNode.Parse(Read(file))!;
        Assert.Equal(variables, dashboard["templating"]!["list"]!.AsArray().Select(variable => (string)variable!["name"]!));
    }

    [Theory]
    [MemberData(nameof(Dashboards))]
    public void Prometheus_understands_every_query_of_a_dashboard(string file, string[] _)
    {
        var rules = DashboardRules.Expressions(JsonNode.Parse(Read(file))!.AsObject())
            .Select((expression, i) => new { record = $"query:{i}", expr = expression.Replace("$__rate_interval", "5m", StringComparison.Ordinal) });
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["rules.yaml"], JsonSerializer.Serialize(new { groups = new[] { new { name = file, rules } } }));
        (int exitCode, string output, string error) = Tool.Run("promtool", "check", "rules", folder["rules.yaml"]);
        Assert.True(exitCode == 0, output + error);
    }

    [Theory]
    [InlineData("\"title\": \"Spikeformer / Run\",", "\"title\": \"a\", \"title\": \"b\",", "uplicate")]
    [InlineData("\"id\": 2,", "\"id\": 1,", "two panels have the id 1")]
    [InlineData("{\"x\": 4,", "{\"x\": 3,", "Step overlaps another panel")]
    [InlineData("{\"x\": 20,", "{\"x\": 21,", "is wider than the page")]
    [InlineData("\"type\": \"stat\", \"datasource\": {\"type\": \"prometheus\", \"uid\": \"$datasource\"}", "\"type\": \"stat\"", "does not ask the chosen data source")]
    [InlineData("{\"name\": \"run\",", "{\"name\": \"job\",", "there is no variable run")]
    [InlineData("{\"name\": \"run\",", "{\"name\": \"job\",", "nothing uses the variable job")]
    [InlineData("max(spikeformer_epoch", "max(spikeformer_epochs", "there is no metric spikeformer_epochs")]
    public void A_dashboard_with_one_thing_wrong_is_refused(string right, string wrong, string problem)
    {
        string text = Read("run.json");
        int at = text.IndexOf(right, StringComparison.Ordinal);
        Assert.True(at >= 0, $"The dashboard does not hold {right}");
        Assert.Contains(DashboardRules.Problems(text[..at] + wrong + text[(at + right.Length)..]), found => found.Contains(problem, StringComparison.Ordinal));
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Rendered.Folder, "components", "monitoring", "dashboards", file));
}
