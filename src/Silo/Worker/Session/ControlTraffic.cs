using System.Diagnostics.Metrics;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>Counts a worker's communication with the cluster: its grain calls, and the bytes of all messages.</summary>
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

    public long Calls => Interlocked.Read(ref _calls);

    /// <summary>Grain calls of the compute thread. Always 0, since a step never waits for a coordinator.</summary>
    public long ComputeCalls => Interlocked.Read(ref _computeCalls);

    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>"412 grain calls (0 on the compute thread), 300456 bytes sent and received".</summary>
    public override string ToString() => $"{Calls} grain calls ({ComputeCalls} on the compute thread), {Bytes} bytes sent and received";

    public Task Invoke(IOutgoingGrainCallContext context)
    {
        Interlocked.Increment(ref _calls);
        if (Thread.CurrentThread.Name == ComputeThread) Interlocked.Increment(ref _computeCalls);
        return context.Invoke();
    }

    public void Dispose() => _listener.Dispose();
}
