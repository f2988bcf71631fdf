using Spikeformer.Metrics;
using Spikeformer.Silo.Metrics;
using static TorchSharp.torch;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>Passes a worker process's measurements to its silo, and measures the process itself: memory, live tensors, communication with the
/// cluster.</summary>
internal sealed class WorkerMetrics : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly MeasurementPage _page;
    private readonly MeasurementWriter _writer;
    private readonly ControlTraffic _traffic;
    private readonly bool _isCpu;
    private readonly object _gate = new();
    private readonly ITimer _timer;
    private long _calls, _bytes;

    private WorkerMetrics(MeasurementPage page, string device, ControlTraffic traffic, TimeProvider time)
    {
        (_page, _writer, _traffic) = (page, new(page), traffic);
        _isCpu = device.StartsWith("cpu", StringComparison.Ordinal);
        _timer = time.CreateTimer(_ => Measure(), null, Interval, Interval);
    }

    /// <summary>Starts to measure. Null when the silo wants no metrics, or when its page cannot be opened: a worker also computes without metrics.</summary>
    public static WorkerMetrics? TryOpen(string? path, string device, ControlTraffic traffic, TimeProvider time)
    {
        if (path is null) return null;
        try
        {
            return new(MeasurementPage.Open(path), device, traffic, time);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"Training without metrics, since the silo's page cannot be opened: {error.Message}");
            return null;
        }
    }

    /// <summary>Assigns all further measurements to a run, or to none with null.</summary>
    public void Begin(string? run)
    {
        Measure();
        _writer.Begin(run ?? "");
    }

    public void Dispose()
    {
        _timer.Dispose();
        Measure();
        _writer.Dispose();
        _page.Dispose();
    }

    private void Measure()
    {
        lock (_gate)
        {
            Catalogue.TensorsLive.Record(Tensor.TotalCount);
            if (_isCpu)
            {
                Catalogue.MemoryUsed.Record(Environment.WorkingSet);
                Catalogue.MemoryTotal.Record(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
            }
            (long calls, long bytes) = (_traffic.Calls, _traffic.Bytes);
            Catalogue.ControlCalls.Add(calls - _calls);
            Catalogue.ControlBytes.Add(bytes - _bytes);
            (_calls, _bytes) = (calls, bytes);
        }
    }
}
