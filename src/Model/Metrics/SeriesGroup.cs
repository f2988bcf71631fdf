using System.Diagnostics.Metrics;

namespace Spikeformer.Metrics;

/// <summary>Series with common labels that start and end together; see <see cref="SeriesStore"/>. Label values are in the order of
/// <see cref="Metric.Labels"/>.</summary>
internal sealed class SeriesGroup
{
    private readonly object _gate;
    private readonly TimeProvider _time;
    private readonly KeyValuePair<string, object?>[] _labels;
    private readonly Dictionary<Metric, Dictionary<string, (string[] Labels, double Value)>> _values = [];
    private readonly Dictionary<Metric, Histogram<double>> _histograms = [];
    private Meter? _meter;

    internal SeriesGroup(object gate, TimeProvider time, KeyValuePair<string, object?>[] labels) => (_gate, _time, _labels) = (gate, time, labels);

    /// <summary>The monotonic time of the end; null before it.</summary>
    internal long? EndedAt { get; private set; }

    /// <summary>Whether the group is exported.</summary>
    internal bool IsShown { get; private set; }

    /// <summary>Starts or continues the group.</summary>
    public void Begin()
    {
        lock (_gate) (EndedAt, IsShown) = (null, true);
    }

    /// <summary>Ends the group, which is then exported for <see cref="SeriesStore.Grace"/>. Its gauges end at once, unless they are still true.</summary>
    public void End(bool keepsGauges = false)
    {
        lock (_gate)
        {
            EndedAt ??= _time.GetTimestamp();
            if (keepsGauges) return;
            foreach (Metric metric in _values.Keys.Where(metric => metric.Kind is MetricKind.Gauge).ToArray()) _values.Remove(metric);
        }
    }

    /// <summary>Adds to a counter. Adding 0 makes it visible.</summary>
    public void Add(Metric metric, double amount, params ReadOnlySpan<string> labels) => Change(metric, MetricKind.Counter, amount, labels);

    /// <summary>Sets a gauge.</summary>
    public void Set(Metric metric, double value, params ReadOnlySpan<string> labels) => Change(metric, MetricKind.Gauge, value, labels);

    /// <summary>Adds a measurement to a histogram.</summary>
    public void Record(Metric metric, double value, params ReadOnlySpan<string> labels)
    {
        Check(metric, MetricKind.Histogram, labels.Length);
        KeyValuePair<string, object?>[] tags = Tags(metric, labels);
        lock (_gate)
        {
            // The labels of the meter tell the exporter that the instruments of different groups differ.
            _meter ??= new(new MeterOptions(SeriesStore.MeterName) { Tags = _labels });
            if (!_histograms.TryGetValue(metric, out Histogram<double>? histogram))
                _histograms[metric] = histogram = _meter.CreateHistogram(metric.Name, metric.Unit, metric.Meaning, tags: null, metric.Advice);
            histogram.Record(value, tags);
        }
    }

    /// <summary>Removes a gauge: all of its series, or the one with the given labels.</summary>
    public void Clear(Metric metric, params ReadOnlySpan<string> labels)
    {
        lock (_gate)
            if (labels.Length == 0) _values.Remove(metric);
            else if (_values.TryGetValue(metric, out var values)) values.Remove(Key(labels));
    }

    /// <summary>Stops exporting the group. If it starts again, its counters continue and its histograms restart.</summary>
    internal void Hide()
    {
        IsShown = false;
        _meter?.Dispose();
        _meter = null;
        _histograms.Clear();
    }

    internal IEnumerable<Measurement<double>> Observe(Metric metric)
    {
        if (!IsShown || !_values.TryGetValue(metric, out var values)) yield break;
        foreach ((string[] labels, double value) in values.Values) yield return new(value, Tags(metric, labels));
    }

    private void Change(Metric metric, MetricKind kind, double value, ReadOnlySpan<string> labels)
    {
        Check(metric, kind, labels.Length);
        string key = Key(labels);
        lock (_gate)
        {
            if (!_values.TryGetValue(metric, out var values)) _values[metric] = values = [];
            if (!values.TryGetValue(key, out var old)) old = (labels.ToArray(), 0);
            values[key] = (old.Labels, kind is MetricKind.Counter ? old.Value + value : value);
        }
    }

    private static void Check(Metric metric, MetricKind kind, int labels)
    {
        if (metric.Kind != kind || metric.Labels.Count != labels)
            throw new ArgumentException($"{metric} is a {metric.Kind} with {metric.Labels.Count} labels of its own, not a {kind} with {labels}.", nameof(metric));
    }

    private static string Key(ReadOnlySpan<string> labels) => labels.Length == 0 ? "" : string.Join('\n', labels!);

    private KeyValuePair<string, object?>[] Tags(Metric metric, ReadOnlySpan<string> labels)
    {
        var tags = new KeyValuePair<string, object?>[_labels.Length + labels.Length];
        _labels.CopyTo(tags, 0);
        for (int i = 0; i < labels.Length; i++) tags[_labels.Length + i] = new(metric.Labels[i], labels[i]);
        return tags;
    }
}
