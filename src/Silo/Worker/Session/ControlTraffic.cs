using System.Diagnostics.Metrics;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>Counts what a worker says to the cluster: grain calls by the thread that makes them, and the bytes of all messages.</summary>
internal sealed class ControlTraffic : IOutgoingGrainCallFilter, IDisposable
{
    /// <summary>Name of the thread that trains.</summary>
    public const string ComputeThread = "compute";

    private readonly MeterListener _listener = new();
    private long _calls, _computeCalls, _bytes;

    public ControlTraffic()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument is { Meter.Name: "Microsoft.Orleans", Name: "orleans-messaging-sent-messages-size" or "orleans-messaging-received-messages-size" })
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((_, bytes, _, _) => Interlocked.Add(ref _bytes, bytes));
        _listener.SetMeasurementEventCallback<long>((_, bytes, _, _) => Interlocked.Add(ref _bytes, bytes));
        _listener.Start();
    }

    /// <summary>Calls so far.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    /// <summary>Those that the compute thread has made: there must be none, since a step waits for no coordinator.</summary>
    public long ComputeCalls => Interlocked.Read(ref _computeCalls);

    /// <summary>Bytes of all messages, both ways.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>"412 grain calls, 0 of them by the compute thread, 300456 bytes both ways".</summary>
    public override string ToString() => $"{Calls} grain calls, {ComputeCalls} of them by the compute thread, {Bytes} bytes both ways";

    /// <inheritdoc/>
    public Task Invoke(IOutgoingGrainCallContext context)
    {
        Interlocked.Increment(ref _calls);
        if (Thread.CurrentThread.Name == ComputeThread) Interlocked.Increment(ref _computeCalls);
        return context.Invoke();
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();
}
