using Spikeformer.Metrics;

namespace Spikeformer.Silo.Metrics;

/// <summary>Adds the measurements of one worker process to the series of the silo, with the labels of the worker: every second, and when the process
/// ends. Sums continue over several processes.</summary>
internal sealed class MeasurementReader : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly Dictionary<string, Metric> s_metrics = Catalogue.All.ToDictionary(metric => metric.Name);

    private readonly SeriesStore _store;
    private readonly string _worker, _device;
    private readonly SeriesGroup _own;
    private readonly MeasurementPage _page = MeasurementPage.Create();
    private readonly object _gate = new();
    private readonly Series?[] _series = new Series?[MeasurementPage.Slots];
    private readonly HashSet<SeriesGroup> _live = [];
    private readonly ITimer _timer;
    private long _taken;
    private bool _hasEnded;

    /// <summary>Creates the page and starts to read it.</summary>
    /// <param name="store">The series of the silo.</param>
    /// <param name="worker">Name of the worker.</param>
    /// <param name="device">Its device.</param>
    /// <param name="time">Clock.</param>
    /// <exception cref="IOException">There is no room for the page.</exception>
    /// <exception cref="UnauthorizedAccessException">Its folder is not writable.</exception>
    public MeasurementReader(SeriesStore store, string worker, string device, TimeProvider time)
    {
        (_store, _worker, _device) = (store, worker, device);
        _own = store.OfWorker("", worker, device);
        _own.Begin();
        _own.Set(Catalogue.WorkerUp, 1);
        _own.Add(Catalogue.WorkerStarts, 1);
        _own.Add(Catalogue.MeasurementsLost, 0);
        _live.Add(_own);
        _timer = time.CreateTimer(_ => Take(), null, Interval, Interval);
    }

    /// <summary>Path of the page, for the worker.</summary>
    public string Path => _page.Path;

    /// <summary>Adds the measurements since the last call.</summary>
    public void Take()
    {
        lock (_gate)
        {
            if (_hasEnded) return;
            // Slots before the ring: the ring then holds all entries of the slots that have ended.
            var ended = new List<int>();
            HashSet<SeriesGroup> live = [_own];
            for (int slot = 0; slot < MeasurementPage.Slots; slot++)
            {
                MeasurementPage.SlotState state = _page.StateOf(slot);
                if (state is MeasurementPage.SlotState.Free || SeriesOf(slot) is not { } series) continue;
                if (_live.Add(series.Group)) series.Group.Begin();
                if (state is MeasurementPage.SlotState.Live) live.Add(series.Group);
                else ended.Add(slot);
                TakeValue(slot, series, state);
            }
            TakeRing();
            foreach (int slot in ended) Free(slot);
            foreach (SeriesGroup group in _live.Where(group => !live.Contains(group))) group.End();
            _live.IntersectWith(live);
        }
    }

    /// <summary>Adds the last measurements of a process that has ended, and ends its series.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_hasEnded) return;
            _timer.Dispose();
            Take();
            _hasEnded = true;
            foreach (SeriesGroup group in _live) group.End();
            _page.Dispose();
        }
    }

    private void TakeValue(int slot, Series series, MeasurementPage.SlotState state)
    {
        double value = _page[slot];
        if (series.Metric.Kind is MetricKind.Counter) series.Group.Add(series.Metric, value - series.Last, series.Labels);
        else if (series.Metric.Kind is MetricKind.Gauge && state is MeasurementPage.SlotState.Live) series.Group.Set(series.Metric, value, series.Labels);
        _series[slot] = series with { Last = value };
    }

    private void TakeRing()
    {
        long written = _page.Written, first = Math.Max(_taken, written - MeasurementPage.RingLength);
        var entries = new (int Slot, double Value)[written - first];
        for (int i = 0; i < entries.Length; i++) entries[i] = _page[first + i];
        // Entries written meanwhile have overwritten the oldest of them.
        long valid = Math.Min(written, Math.Max(first, _page.Written - MeasurementPage.RingLength + 1));
        foreach ((int slot, double value) in entries.Skip((int)(valid - first)))
            if (SeriesOf(slot) is { Metric.Kind: MetricKind.Histogram } series) series.Group.Record(series.Metric, value, series.Labels);
        _own.Add(Catalogue.MeasurementsLost, valid - _taken);
        _taken = written;
    }

    /// <summary>Returns a slot to the worker.</summary>
    private void Free(int slot)
    {
        _series[slot] = null;
        _page.SetState(slot, MeasurementPage.SlotState.Free);
    }

    private Series? SeriesOf(int slot)
    {
        if (_series[slot] is { } known) return known;
        string[] key = _page.KeyOf(slot).Split('\n');
        if (key.Length != 3 || !s_metrics.TryGetValue(key[0], out Metric? metric)) return null;
        return _series[slot] = new(metric, _store.OfWorker(key[1], _worker, _device), metric.Labels.Count == 0 ? [] : [key[2]], Last: 0);
    }

    private sealed record Series(Metric Metric, SeriesGroup Group, string[] Labels, double Last);
}
