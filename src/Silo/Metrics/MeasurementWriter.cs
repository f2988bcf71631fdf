using System.Diagnostics.Metrics;
using Spikeformer.Metrics;

namespace Spikeformer.Silo.Metrics;

/// <summary>Writes the measurements of a worker process to its page. A measurement costs a lookup and a store. For any thread.</summary>
internal sealed class MeasurementWriter : IDisposable
{
    private readonly MeasurementPage _page;
    // Not static: the catalogue must be complete before the listener gets its first instrument.
    private readonly Dictionary<string, Metric> _metrics = Catalogue.All.Where(metric => metric.Scope is MetricScope.Worker).ToDictionary(metric => metric.Name);
    private readonly MeterListener _listener = new();
    private readonly object _gate = new();
    private readonly Dictionary<(Metric Metric, string Label), int> _slots = [];
    private string _run = "";
    private bool _isDisposed;

    /// <summary>Starts to listen to the instruments.</summary>
    /// <param name="page">The page; the caller disposes it.</param>
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

    /// <summary>Assigns the following measurements to a run; an empty name to none.</summary>
    public void Begin(string run)
    {
        lock (_gate)
        {
            foreach (int slot in _slots.Values.Where(slot => slot >= 0)) _page.SetState(slot, MeasurementPage.SlotState.Ended);
            _slots.Clear();
            _run = run;
        }
    }

    /// <summary>Returns the key of a slot: metric, run and label, one line each.</summary>
    public static string Key(string metric, string run, string label) => $"{metric}\n{run}\n{label}";

    /// <summary>Stops writing, so that the page can be disposed.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        // Another thread may still be measuring.
        lock (_gate) _isDisposed = true;
    }

    private void Take(Metric metric, double value, string label)
    {
        lock (_gate)
        {
            if (_isDisposed) return;
            bool isKnown = _slots.TryGetValue((metric, label), out int slot);
            if (!isKnown) _slots[(metric, label)] = slot = _page.Take(Key(metric.Name, _run, label), metric.Kind is MetricKind.Gauge ? value : 0);
            if (slot < 0) return;
            if (metric.Kind is MetricKind.Histogram) _page.Append(slot, value);
            else if (metric.Kind is MetricKind.Counter) _page[slot] += value;
            else _page[slot] = value;
        }
    }
}
