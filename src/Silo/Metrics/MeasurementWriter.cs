using System.Diagnostics.Metrics;
using Spikeformer.Metrics;

namespace Spikeformer.Silo.Metrics;

/// <summary>Writes what a worker's process measures to its page. A measurement costs a look-up and a store, on any thread.</summary>
internal sealed class MeasurementWriter : IDisposable
{
    private readonly MeasurementPage _page;
    // Not static: the catalogue must be complete before the listener hears of its first instrument.
    private readonly Dictionary<string, Metric> _metrics = Catalogue.All.Where(metric => metric.Scope is MetricScope.Worker).ToDictionary(metric => metric.Name);
    private readonly MeterListener _listener = new();
    private readonly object _gate = new();
    private readonly Dictionary<(Metric Metric, string Label), int> _slots = [];
    private string _run = "";
    private bool _isOver;

    /// <param name="page">The page; stays the caller's.</param>
    public MeasurementWriter(MeasurementPage page)
    {
        _page = page;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == Metric.WorkerMeterName) listener.EnableMeasurementEvents(instrument, _metrics[instrument.Name]);
        };
        _listener.SetMeasurementEventCallback<double>((_, value, tags, metric) => Take((Metric)metric!, value, tags.Length > 0 ? (string)tags[0].Value! : ""));
        _listener.Start();
    }

    /// <summary>What is measured from now on belongs to a run; to none with an empty name.</summary>
    public void Begin(string run)
    {
        lock (_gate)
        {
            foreach (int slot in _slots.Values.Where(slot => slot >= 0)) _page.SetState(slot, MeasurementPage.SlotState.Ended);
            _slots.Clear();
            _run = run;
        }
    }

    /// <summary>A slot's key: metric, run and label, a line each.</summary>
    public static string Key(string metric, string run, string label) => $"{metric}\n{run}\n{label}";

    /// <summary>Writes no more: the page may go.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        // Another thread may still be measuring.
        lock (_gate) _isOver = true;
    }

    private void Take(Metric metric, double value, string label)
    {
        lock (_gate)
        {
            if (_isOver) return;
            bool isKnown = _slots.TryGetValue((metric, label), out int slot);
            if (!isKnown) _slots[(metric, label)] = slot = _page.Take(Key(metric.Name, _run, label), metric.Kind is MetricKind.Gauge ? value : 0);
            if (slot < 0) return;
            if (metric.Kind is MetricKind.Histogram) _page.Append(slot, value);
            else if (metric.Kind is MetricKind.Counter) _page[slot] += value;
            else _page[slot] = value;
        }
    }
}
