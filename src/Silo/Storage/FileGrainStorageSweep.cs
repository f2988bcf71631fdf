using Orleans.Storage;

namespace Spikeformer.Silo.Storage;

/// <summary>Removes the temporary files of killed silos from the grain storage when a silo starts.</summary>
internal sealed class FileGrainStorageSweep([FromKeyedServices(ClusterNames.RunStorage)] IGrainStorage storage) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => ((FileGrainStorage)storage).SweepAsync();

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
