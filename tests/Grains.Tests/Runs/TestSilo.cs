using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Hosting;
using Orleans.Runtime.Placement;
using Orleans.TestingHost;
using Spikeformer.Clustering;
using Spikeformer.Workers;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

/// <summary>One silo in this process, with storage and a clock that tests can tamper with.</summary>
public sealed class TestSilo : IAsyncLifetime
{
    private InProcessTestCluster? _cluster;

    internal FakeStorage Storage { get; } = new();

    internal ShiftedTime Time { get; } = new();

    internal FakeKeeper Keeper { get; } = new();

    public IGrainFactory Grains => _cluster!.Client;

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddPlacementDirector<ControlPlacement, AnywhereDirector>();
            silo.AddPlacementDirector<SiloNamePlacement, AnywhereDirector>();
            silo.Services.AddSingleton<TimeProvider>(Time);
            silo.Services.AddSingleton<IWorkerKeeper>(Keeper);
            silo.Services.AddGrainStorage(ClusterNames.RunStorage, (_, _) => Storage);
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
    }

    /// <summary>Ends an activation in order and waits until it is gone.</summary>
    public Task DeactivateAsync(IAddressable grain) => _cluster!.DeactivateAsync(grain);

    /// <summary>Waits until an activation that ends is gone.</summary>
    public Task WaitForDeactivationAsync(IAddressable grain) => _cluster!.WaitForDeactivationAsync(grain).WaitAsync(TimeSpan.FromMinutes(2));

    /// <summary>Where grains go is the silo's tests' matter.</summary>
    private sealed class AnywhereDirector : IPlacementDirector
    {
        public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context) =>
            Task.FromResult(context.GetCompatibleSilos(target)[0]);
    }

}

/// <summary>The system's clock, but it can be set forward.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    private long _ticks;

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => System.GetElapsedTime(0).Ticks + Interlocked.Read(ref _ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Interlocked.Read(ref _ticks));
}

/// <summary>Keeps no processes; tests set which workers have one.</summary>
internal sealed class FakeKeeper : IWorkerKeeper
{
    private readonly ConcurrentDictionary<string, bool> _drained = [], _running = [];

    public void Start(string worker) => _running[worker] = true;

    public void Exit(string worker) => _running[worker] = false;

    public IReadOnlyList<string> Tail(string worker, int lines) => [.. Enumerable.Range(1, lines).Select(line => $"{worker} {line}")];

    public void Drain(string worker) => _drained[worker] = true;

    public void Undrain(string worker) => _drained[worker] = false;

    public bool IsDrained(string worker) => _drained.GetValueOrDefault(worker);

    public bool IsRunning(string worker) => _running.GetValueOrDefault(worker);
}
