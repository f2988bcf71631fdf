using Spikeformer.Metrics;
using Spikeformer.Silo.Metrics;
using static TorchSharp.torch;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>A worker process's measurements on their way to its silo, and those that nobody else makes: memory, live tensors, talk with the
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

    /// <summary>Begins to measure; null where the silo wants no metrics, or its page cannot be had: a worker computes without as well.</summary>
    /// <param name="path">The silo's page, or null.</param>
    /// <param name="device">The worker's device.</param>
    /// <param name="traffic">What it says to the cluster.</param>
    /// <param name="time">Clock.</param>
    public static WorkerMetrics? TryOpen(string? path, string device, ControlTraffic traffic, TimeProvider time)
    {
        if (path is null) return null;
        try
        {
            return new(MeasurementPage.Open(path), device, traffic, time);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"This worker has no metrics: {error.Message}");
            return null;
        }
    }

    /// <summary>What is measured from now on belongs to a run; to none with null.</summary>
    public void Begin(string? run)
    {
        Measure();
        _writer.Begin(run ?? "");
    }

    /// <inheritdoc/>
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
