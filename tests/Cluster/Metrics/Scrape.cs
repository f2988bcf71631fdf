using System.Globalization;
using System.Text.RegularExpressions;
using Spikeformer.Cluster.Silos;
using Xunit;

namespace Spikeformer.Cluster.Metrics;

/// <summary>The answer of a silo on <c>/metrics</c>.</summary>
internal sealed partial class Scrape
{
    private readonly List<(string Name, IReadOnlyDictionary<string, string> Labels, double Value)> _series = [];

    private Scrape(string text)
    {
        Text = text;
        foreach (Match line in Line().Matches(text))
            _series.Add((line.Groups["name"].Value, Label().Matches(line.Groups["labels"].Value).ToDictionary(label => label.Groups[1].Value, label => label.Groups[2].Value),
                double.Parse(line.Groups["value"].Value, CultureInfo.InvariantCulture)));
    }

    /// <summary>The whole answer.</summary>
    public string Text { get; }

    /// <summary>The lines of the metrics of Spikeformer.</summary>
    public string Own => string.Join('\n', Text.Split('\n').Where(line => OwnLine().IsMatch(line))) + "\n";

    /// <summary>Names and types of the metrics of Spikeformer.</summary>
    public IEnumerable<(string Name, string Type)> Families =>
        Family().Matches(Text).Select(family => (family.Groups[1].Value, family.Groups[2].Value));

    public static async Task<Scrape> OfAsync(SiloProcess silo)
    {
        (int status, string text) = await silo.GetAsync("/metrics");
        Assert.Equal(200, status);
        return new(text);
    }

    /// <summary>Returns the values of the series with these labels.</summary>
    public double[] Values(string name, params (string Name, string Value)[] labels) =>
        [.. from series in _series
            where series.Name == name && labels.All(label => series.Labels.GetValueOrDefault(label.Name) == label.Value)
            select series.Value];

    /// <summary>Returns the sum of these values; 0 if there are none.</summary>
    public double Sum(string name, params (string Name, string Value)[] labels) => Values(name, labels).Sum();

    [GeneratedRegex(@"^(?<name>[a-z0-9_]+)(\{(?<labels>.*)\})? (?<value>\S+)( \d+)?$", RegexOptions.Multiline)]
    private static partial Regex Line();

    [GeneratedRegex("([A-Za-z_]+)=\"([^\"]*)\"")]
    private static partial Regex Label();

    [GeneratedRegex("^# TYPE (spikeformer_\\S+) (\\S+)$", RegexOptions.Multiline)]
    private static partial Regex Family();

    [GeneratedRegex("^(# (TYPE|HELP) )?spikeformer_")]
    private static partial Regex OwnLine();
}
