using System.Diagnostics.Metrics;

namespace Spikeformer.Metrics;

/// <summary>The kind of a metric.</summary>
internal enum MetricKind
{
    /// <summary>A value that only increases.</summary>
    Counter,
    /// <summary>A value that increases and decreases.</summary>
    Gauge,
    /// <summary>Counts of measurements by size.</summary>
    Histogram,
}

/// <summary>The owner of a metric's series, which determines their first labels.</summary>
internal enum MetricScope
{
    /// <summary>A run, measured by its coordinator: label <c>run</c>.</summary>
    Run,
    /// <summary>A worker, measured in its process: labels <c>worker</c>, <c>device</c>, and <c>run</c> while it serves one.</summary>
    Worker,
    /// <summary>A worker, measured by its silo: labels <c>worker</c> and <c>device</c>.</summary>
    Device,
    /// <summary>A silo: no labels.</summary>
    Silo,
}

/// <summary>A metric of the <see cref="Catalogue"/>: its name and meaning, and for a worker's metric also its instrument in the worker's process,
/// which <c>dotnet-counters</c> shows as well.</summary>
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

    /// <summary>The owner of its series.</summary>
    public MetricScope Scope { get; }

    /// <summary>The kind of the metric.</summary>
    public MetricKind Kind { get; }

    /// <summary>The .NET name, with dots and without a unit.</summary>
    public string Name { get; }

    /// <summary>The unit in UCUM notation: <c>s</c>, <c>By</c>, <c>{step}</c>; null for none.</summary>
    public string? Unit { get; }

    /// <summary>The meaning of the metric, in a sentence or two.</summary>
    public string Meaning { get; }

    /// <summary>The labels in addition to those of its scope. Each has few values.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>The upper bounds of a histogram's buckets, ascending; empty for other kinds.</summary>
    public IReadOnlyList<double> Bounds { get; }

    /// <summary>The Prometheus name, which ends with the unit and, for a counter, <c>_total</c>.</summary>
    public string PrometheusName
    {
        get
        {
            string unit = Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
            return Name.Replace('.', '_') + unit + (Kind is MetricKind.Counter ? "_total" : "");
        }
    }

    /// <summary>The buckets, in the form that instruments take.</summary>
    internal InstrumentAdvice<double> Advice => new() { HistogramBucketBoundaries = Bounds };

    /// <summary>Adds to a worker's counter.</summary>
    /// <param name="amount">The amount, at least 0.</param>
    /// <param name="label">The value of the metric's own label, if it has one.</param>
    public void Add(double amount = 1, string? label = null)
    {
        if (_label is null) _counter!.Add(amount);
        else _counter!.Add(amount, new KeyValuePair<string, object?>(_label, label));
    }

    /// <summary>Sets a worker's gauge, or adds a measurement to a worker's histogram.</summary>
    /// <param name="value">The value, in the metric's unit.</param>
    /// <param name="label">The value of the metric's own label, if it has one.</param>
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
