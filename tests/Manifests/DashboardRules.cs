using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Spikeformer.Manifests;

/// <summary>What we ask of a Grafana dashboard. A pure function of its text.</summary>
internal static partial class DashboardRules
{
    private const int Columns = 24;

    /// <summary>All that is wrong with a dashboard.</summary>
    /// <param name="json">Its text.</param>
    public static IReadOnlyList<string> Problems(string json)
    {
        JsonObject dashboard;
        try
        {
            dashboard = JsonNode.Parse(json, documentOptions: new() { AllowDuplicateProperties = false })!.AsObject();
        }
        catch (JsonException error)
        {
            return [error.Message];
        }
        return [.. Panels(dashboard), .. Variables(dashboard), .. Metrics(dashboard)];
    }

    /// <summary>The queries of panels, annotations and variables.</summary>
    public static IReadOnlyList<string> Expressions(JsonObject dashboard) =>
    [
        .. PanelsOf(dashboard).SelectMany(panel => panel["targets"]!.AsArray()).Select(target => (string)target!["expr"]!),
        .. dashboard["annotations"]!["list"]!.AsArray().Select(annotation => (string)annotation!["expr"]!),
        .. VariablesOf(dashboard).Where(variable => (string)variable["type"]! == "query")
            .Select(variable => LabelValues().Replace((string)variable["query"]!["query"]!, "$1")),
    ];

    private static IEnumerable<string> Panels(JsonObject dashboard)
    {
        foreach (IGrouping<int, JsonObject> twins in PanelsOf(dashboard).GroupBy(panel => (int)panel["id"]!))
            if (twins.Count() > 1) yield return $"two panels have the id {twins.Key}";
        var taken = new HashSet<(int, int)>();
        foreach (JsonObject panel in PanelsOf(dashboard))
        {
            JsonNode at = panel["gridPos"]!;
            (int x, int y, int w, int h) = ((int)at["x"]!, (int)at["y"]!, (int)at["w"]!, (int)at["h"]!);
            if (x + w > Columns) yield return $"{panel["title"]} is wider than the page";
            if (!Enumerable.Range(x, w).SelectMany(column => Enumerable.Range(y, h).Select(line => (column, line))).ToArray().All(taken.Add))
                yield return $"{panel["title"]} overlaps another panel";
            if ((string?)panel["datasource"]?["uid"] != "$datasource") yield return $"{panel["title"]} does not ask the chosen data source";
        }
    }

    // A variable that no query uses is a switch without a lamp; one that is not there is an error in Grafana.
    private static IEnumerable<string> Variables(JsonObject dashboard)
    {
        string[] there = [.. VariablesOf(dashboard).Select(variable => (string)variable["name"]!).Where(name => name != "datasource")];
        string[] used = [.. Expressions(dashboard).SelectMany(expression => Variable().Matches(expression)).Select(match => match.Groups[1].Value)];
        foreach (string name in used.Except(there))
            if (!name.StartsWith("__", StringComparison.Ordinal)) yield return $"there is no variable {name}";
        foreach (string name in there.Except(used)) yield return $"nothing uses the variable {name}";
    }

    private static IEnumerable<string> Metrics(JsonObject dashboard) =>
        from expression in Expressions(dashboard)
        from metric in Query.Metrics(expression)
        where !MetricCatalogue.Names.Contains(metric)
        select $"there is no metric {metric}";

    private static IEnumerable<JsonObject> PanelsOf(JsonObject dashboard) => dashboard["panels"]!.AsArray().Select(panel => panel!.AsObject());

    private static IEnumerable<JsonObject> VariablesOf(JsonObject dashboard) =>
        dashboard["templating"]!["list"]!.AsArray().Select(variable => variable!.AsObject());

    [GeneratedRegex(@"\$(\w+)")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^label_values\((.*), \w+\)$")]
    private static partial Regex LabelValues();
}
