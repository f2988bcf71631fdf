using System.Diagnostics.Metrics;
using Spikeformer.Metrics;

namespace Spikeformer.TestKit;

/// <summary>The series with a certain label that this process would export, read like the Prometheus exporter reads them.</summary>
public sealed class ExportedSeries : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, double> _observed = [];
    private readonly Dictionary<string, List<double>> _recorded = [];
    private readonly HashSet<string> _ended = [];

    /// <param name="label">Name of the label.</param>
    /// <param name="value">Value of the label.</param>
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

    /// <summary>The histograms whose meter has ended, by name and the meter's labels.</summary>
    public IReadOnlySet<string> Ended => _ended;

    /// <summary>Returns the current counters and gauges by name and labels, in the order of export: <c>spikeformer.loss run=a
    /// split=train</c>.</summary>
    public IReadOnlyDictionary<string, double> Now()
    {
        _observed.Clear();
        _listener.RecordObservableInstruments();
        return _observed.ToDictionary();
    }

    /// <summary>Returns the values that a histogram has recorded so far.</summary>
    public IReadOnlyList<double> Measured(string series) => _recorded.GetValueOrDefault(series) ?? [];

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private static string Text(IEnumerable<KeyValuePair<string, object?>> tags) => string.Join(' ', tags.Select(tag => $"{tag.Key}={tag.Value}"));
}
