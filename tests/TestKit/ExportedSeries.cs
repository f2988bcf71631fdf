using System.Diagnostics.Metrics;
using Spikeformer.Metrics;

namespace Spikeformer.TestKit;

/// <summary>What this process would export of the series that have a certain label: a reader as the Prometheus exporter is one.</summary>
public sealed class ExportedSeries : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, double> _observed = [];
    private readonly Dictionary<string, List<double>> _recorded = [];
    private readonly HashSet<string> _ended = [];

    /// <param name="label">The label's name.</param>
    /// <param name="value">Its value.</param>
    public ExportedSeries(string label, string value)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == SeriesStore.MeterName) listener.EnableMeasurementEvents(instrument);
        };
        _listener.MeasurementsCompleted = (instrument, _) =>
        {
            if (instrument.Meter.Tags?.Contains(new(label, value)) is true) _ended.Add($"{instrument.Name} {Text(instrument.Meter.Tags)}");
        };
        _listener.SetMeasurementEventCallback<double>((instrument, measured, tags, _) =>
        {
            if (!tags.Contains(new(label, value))) return;
            string series = $"{instrument.Name} {Text(tags.ToArray())}";
            if (instrument.IsObservable) _observed.Add(series, measured);
            else if (_recorded.TryGetValue(series, out List<double>? all)) all.Add(measured);
            else _recorded[series] = [measured];
        });
        _listener.Start();
    }

    /// <summary>Histograms whose meter has ended, by name and the meter's labels.</summary>
    public IReadOnlySet<string> Ended => _ended;

    /// <summary>Counters and gauges now: <c>spikeformer.loss run=a split=train</c>, labels in the order in which they are exported.</summary>
    public IReadOnlyDictionary<string, double> Now()
    {
        _observed.Clear();
        _listener.RecordObservableInstruments();
        return _observed.ToDictionary();
    }

    /// <summary>What a histogram has measured so far.</summary>
    public IReadOnlyList<double> Measured(string series) => _recorded.GetValueOrDefault(series) ?? [];

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private static string Text(IEnumerable<KeyValuePair<string, object?>> tags) => string.Join(' ', tags.Select(tag => $"{tag.Key}={tag.Value}"));
}
