using System.Diagnostics.Metrics;

namespace Spikeformer.Metrics;

/// <summary>How a metric's value behaves.</summary>
internal enum MetricKind
{
    /// <summary>Only grows.</summary>
    Counter,
    /// <summary>Goes up and down.</summary>
    Gauge,
    /// <summary>Counts measurements by size.</summary>
    Histogram,
}

/// <summary>What a metric's series belong to, which gives them their first labels.</summary>
internal enum MetricScope
{
    /// <summary>A run, as its coordinator sees it: label <c>run</c>.</summary>
    Run,
    /// <summary>A worker: labels <c>worker</c>, <c>device</c>, and <c>run</c> while it serves one.</summary>
    Worker,
    /// <summary>A worker, as its silo sees it: labels <c>worker</c> and <c>device</c>.</summary>
    Device,
    /// <summary>A silo: no labels.</summary>
    Silo,
}

/// <summary>One metric of the <see cref="Catalogue"/>: what it is called and what it means. Those of a worker are measured through it, in the
/// worker's process, with instruments that <c>dotnet-counters</c> sees too; how they come to the silo is not its business.</summary>
internal sealed class Metric
{
    /// <summary>The meter of the instruments in a worker's process.</summary>
    public const string WorkerMeterName = "Spikeformer.Worker";

    private static readonly Meter s_worker = new(WorkerMeterName);
    private readonly Counter<double>? _counter;
    private readonly Gauge<double>? _gauge;
    private readonly Histogram<double>? _histogram;
    private readonly string? _label;

    internal Metric(MetricScope scope, MetricKind kind, string name, string? unit, string meaning, string[] labels, double[]? bounds = null)
    {
        (Scope, Kind, Name, Unit, Meaning, Labels, Bounds) = (scope, kind, name, unit, meaning, labels, bounds ?? []);
        _label = labels.Length > 0 ? labels[0] : null;
        if (scope is not MetricScope.Worker) return;
        if (labels.Length > 1) throw new ArgumentException($"{name}: a worker's metric has at most one label of its own.", nameof(labels));
        if (kind is MetricKind.Counter) _counter = s_worker.CreateCounter<double>(name, unit, meaning);
        else if (kind is MetricKind.Gauge) _gauge = s_worker.CreateGauge<double>(name, unit, meaning);
        else _histogram = s_worker.CreateHistogram<double>(name, unit, meaning, tags: null, Advice);
    }

    /// <summary>What its series belong to.</summary>
    public MetricScope Scope { get; }

    /// <summary>How its value behaves.</summary>
    public MetricKind Kind { get; }

    /// <summary>Its name in .NET, with dots, without a unit.</summary>
    public string Name { get; }

    /// <summary>Its unit in the notation of UCUM: <c>s</c>, <c>By</c>, <c>{step}</c>; null for none.</summary>
    public string? Unit { get; }

    /// <summary>What it means, in a sentence.</summary>
    public string Meaning { get; }

    /// <summary>Labels beside those of its scope. Each has few values.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Upper bounds of a histogram's buckets, ascending; empty for the others.</summary>
    public IReadOnlyList<double> Bounds { get; }

    /// <summary>Its name in Prometheus: with the unit and, of a counter, <c>_total</c>.</summary>
    public string PrometheusName
    {
        get
        {
            string unit = Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
            return Name.Replace('.', '_') + unit + (Kind is MetricKind.Counter ? "_total" : "");
        }
    }

    /// <summary>The buckets, as instruments want to be told.</summary>
    internal InstrumentAdvice<double> Advice => new() { HistogramBucketBoundaries = Bounds };

    /// <summary>Counts in a worker.</summary>
    /// <param name="amount">How much, at least 0.</param>
    /// <param name="label">Value of its own label, if it has one.</param>
    public void Add(double amount = 1, string? label = null)
    {
        if (_label is null) _counter!.Add(amount);
        else _counter!.Add(amount, new KeyValuePair<string, object?>(_label, label));
    }

    /// <summary>Measures in a worker: a gauge's value, or one more measurement of a histogram.</summary>
    /// <param name="value">The value, in the metric's unit.</param>
    /// <param name="label">Value of its own label, if it has one.</param>
    public void Record(double value, string? label = null)
    {
        if (_label is null)
        {
            _gauge?.Record(value);
            _histogram?.Record(value);
            return;
        }
        var tag = new KeyValuePair<string, object?>(_label, label);
        _gauge?.Record(value, tag);
        _histogram?.Record(value, tag);
    }

    /// <inheritdoc/>
    public override string ToString() => PrometheusName;
}
