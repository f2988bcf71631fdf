using System.Text.Json;
using System.Text.RegularExpressions;
using Spikeformer.TestKit;

namespace Spikeformer.Cluster.Metrics;

/// <summary>The queries and alerts of <c>k8s/components/monitoring</c>, for a Prometheus server outside Kubernetes.</summary>
internal static partial class Monitoring
{
    /// <summary>The namespace of all silos.</summary>
    public const string Namespace = "test";

    private static readonly string s_folder = Path.Combine(TestData.RepositoryRoot, "k8s", "components", "monitoring");

    /// <summary>Returns the queries of all dashboards, as Grafana sends them for a run with all silos and workers selected.</summary>
    public static string[] Queries(string run) =>
    [
        .. from file in Directory.GetFiles(Path.Combine(s_folder, "dashboards")).Order()
           from expression in Expressions(JsonDocument.Parse(File.ReadAllText(file)).RootElement)
           select expression.Replace("$namespace", Namespace).Replace("$run", run).Replace("$silo", ".*").Replace("$worker", ".*").Replace("$__rate_interval", "1m"),
    ];

    /// <summary>Returns the alerts as a rule file. They fire at once instead of after some time.</summary>
    public static string Alerts()
    {
        string manifest = File.ReadAllText(Path.Combine(s_folder, "alerts.yaml"));
        string groups = manifest[manifest.IndexOf("  groups:\n", StringComparison.Ordinal)..];
        return Waiting().Replace(groups, "for: 0s");
    }

    private static IEnumerable<string> Expressions(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property => property.Name == "expr" ? [property.Value.GetString()!] : Expressions(property.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Expressions),
        _ => [],
    };

    [GeneratedRegex(@"for: \w+")]
    private static partial Regex Waiting();
}
