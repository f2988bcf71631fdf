using k8s;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Manifests;

public sealed class AlertTests
{
    private static readonly string s_cases = Path.Combine(TestData.RepositoryRoot, "tests", "Manifests", "alerts.test.yaml");

    [Fact]
    public void Every_alert_fires_for_its_cause_and_for_nothing_else()
    {
        using var folder = new TemporaryFolder();
        PrometheusRule rules = Rules();
        File.WriteAllText(folder["alerts.yaml"], KubernetesYaml.Serialize(rules.Spec));
        File.Copy(s_cases, folder["alerts.test.yaml"]);
        (int checkedWith, string output, string error) = Tool.Run("promtool", "check", "rules", folder["alerts.yaml"]);
        int count = rules.Spec.Groups.Sum(group => group.Rules.Count);
        Assert.True(checkedWith == 0 && output.Contains($"{count} rules found", StringComparison.Ordinal), output + error);
        (int testedWith, output, error) = Tool.Run("promtool", "test", "rules", folder["alerts.test.yaml"]);
        Assert.True(testedWith == 0, output + error);
    }

    [Fact]
    public void Every_alert_has_a_case_a_severity_and_a_section_in_the_handbook()
    {
        string cases = File.ReadAllText(s_cases), handbook = File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "docs", "operations.md"));
        Assert.All(Rules().Spec.Groups.SelectMany(group => group.Rules), rule =>
        {
            Assert.Contains($"alertname: {rule.Alert}\n", cases, StringComparison.Ordinal);
            Assert.Contains(rule.Labels["severity"], new[] { "critical", "warning", "info" });
            Assert.Contains($"| {rule.Alert} |", handbook, StringComparison.Ordinal);
        });
    }

    private static PrometheusRule Rules() => ManifestSet.Load(Rendered.Overlay("prod")).Of<PrometheusRule>().Single();
}
