using System.Diagnostics.Metrics;

namespace Spikeformer.Metrics;

/// <summary>The series that a silo exports, in groups that start and end together: the series of a run, and those of a worker in a run. Counters continue when
/// a worker or a run starts again. A group that has ended is still exported for <see cref="Grace"/>, so that its last values are scraped.</summary>
/// <remarks>Counters and gauges are observed, since only observed series can end. Histograms cannot be observed, so each group has its own meter
/// for them, which is disposed at the end. Thread-safe.</remarks>
internal sealed class SeriesStore : IDisposable
{
    /// <summary>The meter of all exported series.</summary>
    public const string MeterName = "Spikeformer";

    // The number of ended groups that are remembered, so that their counters do not restart.
    private const int Remembered = 256;

    private readonly object _gate = new();
    private readonly TimeProvider _time;
    private readonly Dictionary<string, SeriesGroup> _groups = [];
    private readonly Meter _meter = new(MeterName);

    /// <summary>Creates an empty store.</summary>
    /// <param name="time">The monotonic clock.</param>
    public SeriesStore(TimeProvider time)
    {
        _time = time;
        foreach (Metric metric in Catalogue.All)
            if (metric.Kind is MetricKind.Counter) _meter.CreateObservableCounter(metric.Name, () => Observe(metric), metric.Unit, metric.Meaning);
            else if (metric.Kind is MetricKind.Gauge) _meter.CreateObservableGauge(metric.Name, () => Observe(metric), metric.Unit, metric.Meaning);
    }

    /// <summary>The store of this silo.</summary>
    public static SeriesStore OfThisProcess { get; } = new(TimeProvider.System);

    /// <summary>How long an ended group is still exported: long enough for several scrapes.</summary>
    public static TimeSpan Grace => TimeSpan.FromMinutes(5);

    /// <summary>Returns the group with these labels, always the same for the same labels. <see cref="SeriesGroup.Begin"/> starts its export.</summary>
    public SeriesGroup Group(params ReadOnlySpan<(string Name, string Value)> labels)
    {
        string key = string.Join('\n', labels.ToArray().Select(label => $"{label.Name}={label.Value}"));
        lock (_gate)
        {
            if (_groups.TryGetValue(key, out SeriesGroup? known)) return known;
            return _groups[key] = new(_gate, _time, [.. labels.ToArray().Select(label => KeyValuePair.Create(label.Name, (object?)label.Value))]);
        }
    }

    /// <summary>Returns the group of a run.</summary>
    public SeriesGroup OfRun(string run) => Group(("run", run));

    /// <summary>Returns the group of a worker in a run, or, if <paramref name="run"/> is empty, of the worker itself.</summary>
    public SeriesGroup OfWorker(string run, string worker, string device) =>
        run.Length > 0 ? Group(("run", run), ("worker", worker), ("device", device)) : Group(("worker", worker), ("device", device));

    /// <summary>Returns the group of the silo itself.</summary>
    public SeriesGroup OfSilo() => Group();

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
            foreach (SeriesGroup group in _groups.Values) group.Hide();
        _meter.Dispose();
    }

    private Measurement<double>[] Observe(Metric metric)
    {
        lock (_gate)
        {
            Sweep();
            return [.. _groups.Values.SelectMany(group => group.Observe(metric))];
        }
    }

    private void Sweep()
    {
        foreach (SeriesGroup group in _groups.Values)
            if (group.EndedAt is { } ended && group.IsShown && _time.GetElapsedTime(ended) >= Grace) group.Hide();
        if (_groups.Count <= Remembered) return;
        (string Key, SeriesGroup Group)[] gone = [.. _groups.Where(group => !group.Value.IsShown).Select(group => (group.Key, group.Value))];
        foreach ((string key, _) in gone.OrderBy(group => group.Group.EndedAt).Take(gone.Length - Remembered)) _groups.Remove(key);
    }
}
