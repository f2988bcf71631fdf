using System.Diagnostics.Metrics;

namespace Spikeformer.Metrics;

/// <summary>
/// The series that a silo exports, in groups that live and end together: those of a run, and those of a worker in a run. What counts goes on
/// counting when a worker or a run starts again; what has ended stays visible for a grace, so that it is scraped, and is exported no more after.
/// </summary>
/// <remarks>Counters and gauges are observed, since only observed series can end. Histograms cannot be observed: each group has a meter of its
/// own for them, which is disposed. For any thread.</remarks>
internal sealed class SeriesStore : IDisposable
{
    /// <summary>The meter of all exported series.</summary>
    public const string MeterName = "Spikeformer";

    // Groups that have ended are remembered, so that counters do not go back; so many of them.
    private const int Remembered = 256;

    private readonly object _gate = new();
    private readonly TimeProvider _time;
    private readonly Dictionary<string, SeriesGroup> _groups = [];
    private readonly Meter _meter = new(MeterName);

    /// <summary>An empty store.</summary>
    /// <param name="time">Monotonic clock.</param>
    public SeriesStore(TimeProvider time)
    {
        _time = time;
        foreach (Metric metric in Catalogue.All)
            if (metric.Kind is MetricKind.Counter) _meter.CreateObservableCounter(metric.Name, () => Observe(metric), metric.Unit, metric.Meaning);
            else if (metric.Kind is MetricKind.Gauge) _meter.CreateObservableGauge(metric.Name, () => Observe(metric), metric.Unit, metric.Meaning);
    }

    /// <summary>That of a silo.</summary>
    public static SeriesStore OfThisProcess { get; } = new(TimeProvider.System);

    /// <summary>How long what has ended is still exported: several scrapes.</summary>
    public static TimeSpan Grace => TimeSpan.FromMinutes(5);

    /// <summary>The group with these labels; the same one for the same labels. It is exported from <see cref="SeriesGroup.Begin"/> on.</summary>
    public SeriesGroup Group(params ReadOnlySpan<(string Name, string Value)> labels)
    {
        string key = string.Join('\n', labels.ToArray().Select(label => $"{label.Name}={label.Value}"));
        lock (_gate)
        {
            if (_groups.TryGetValue(key, out SeriesGroup? known)) return known;
            return _groups[key] = new(_gate, _time, [.. labels.ToArray().Select(label => KeyValuePair.Create(label.Name, (object?)label.Value))]);
        }
    }

    /// <summary>The group of a run.</summary>
    public SeriesGroup OfRun(string run) => Group(("run", run));

    /// <summary>The group of a worker in a run, or, without one, of the worker itself.</summary>
    public SeriesGroup OfWorker(string run, string worker, string device) =>
        run.Length > 0 ? Group(("run", run), ("worker", worker), ("device", device)) : Group(("worker", worker), ("device", device));

    /// <summary>The group of the silo itself.</summary>
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
