using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Messaging;
using Spikeformer.Clustering.Tls;

namespace Spikeformer.Clustering;

/// <summary>A connection to a cluster. It knows every gateway and switches to another when one is lost. Dispose it after use.</summary>
public sealed class ClusterClient : IAsyncDisposable
{
    private static readonly TimeSpan s_defaultPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Size of the largest message in bytes, the same for silos and clients.</summary>
    internal const int MaxMessageBytes = 8 << 20;

    private readonly IHost _host;

    private ClusterClient(IHost host, ClusterAddress address) => (_host, Address) = (host, address);

    /// <summary>The cluster to which this is connected.</summary>
    public ClusterAddress Address { get; }

    /// <summary>Factory of references to the cluster's grains. A call waits at most 5 seconds for its reply; <see cref="GrainCalls"/> repeats calls that
    /// failed.</summary>
    public IGrainFactory Grains => _host.Services.GetRequiredService<IClusterClient>();

    /// <summary>Connects to a cluster. Tries for 15 seconds.</summary>
    /// <param name="address">The cluster.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="SpikeformerException">No gateway answers in time, or TLS keeps this client out (Unreachable), its certificate files are wrong
    /// (Usage), or the state directory does not contain a cluster (NotFound).</exception>
    /// <exception cref="OperationCanceledException">The attempt was cancelled.</exception>
    public static Task<ClusterClient> ConnectAsync(ClusterAddress address, CancellationToken cancellation = default) =>
        ConnectAsync(address, s_defaultPatience, cancellation);

    /// <summary>Connects to a cluster. Tries for the given time.</summary>
    /// <param name="address">The cluster.</param>
    /// <param name="patience">How long to try.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <param name="configure">Further settings of the Orleans client: call filters, another list of gateways.</param>
    /// <inheritdoc cref="ConnectAsync(ClusterAddress, CancellationToken)" path="/exception"/>
    internal static async Task<ClusterClient> ConnectAsync(ClusterAddress address, TimeSpan patience, CancellationToken cancellation = default,
        Action<IClientBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(patience);
        Exception? lastFailure = null;
        TlsIdentity? identity = address.Tls is { } tls ? TlsIdentity.Load(tls, TimeProvider.System) : null;
        IHost host = Build(address, identity, async (failure, stop) =>
        {
            lastFailure = failure;
            await Task.Delay(s_pause, TimeProvider.System, stop).ConfigureAwait(false);
            return true;
        }, configure);
        try
        {
            await host.StartAsync(deadline.Token).ConfigureAwait(false);
            return new ClusterClient(host, address);
        }
        catch (Exception failure)
        {
            bool isExplained = failure is SpikeformerException || cancellation.IsCancellationRequested;
            var refused = isExplained ? null : await RefusalAsync(host.Services, identity).ConfigureAwait(false);
            await DisposeAsync(host).ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
            if (refused is var (gateway, refusal))
                throw new SpikeformerException(ErrorKind.Unreachable, $"The gateway {gateway} of the cluster at {address} {refusal.What}", refusal.Remedy,
                    lastFailure ?? failure);
            if (failure is not SpikeformerException)
                throw new SpikeformerException(ErrorKind.Unreachable, $"No gateway of the cluster at {address} answered within {patience.TotalSeconds:0.#} s",
                    $"Check the address, that a silo runs there, and that its cluster id is '{address.ClusterId}'", lastFailure ?? failure);
            throw;
        }
    }

    /// <summary>Disconnects.</summary>
    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync().ConfigureAwait(false);
        await DisposeAsync(_host).ConfigureAwait(false);
    }

    private static async Task<(IPEndPoint Endpoint, TlsRefusal Refusal)?> RefusalAsync(IServiceProvider services, TlsIdentity? identity)
    {
        IList<Uri> gateways;
        try
        {
            gateways = await services.GetRequiredService<IGatewayListProvider>().GetGateways().ConfigureAwait(false);
        }
        catch (Exception)
        {
            return null; // the error that prevented the connection is the one to report
        }
        IEnumerable<IPEndPoint> endpoints = gateways.Select(gateway => gateway.ToGatewayAddress()).OfType<SiloAddress>().Select(silo => silo.Endpoint);
        return await TlsProbe.FirstRefusalAsync(endpoints, identity).ConfigureAwait(false);
    }

    private static IHost Build(ClusterAddress address, TlsIdentity? identity, Func<Exception, CancellationToken, Task<bool>> retry, Action<IClientBuilder>? configure)
    {
        (IGatewayListProvider gateways, string clusterId) = address.StateDirectory is { } directory
            ? (new FileMembershipTable(directory, clusterId: null, TimeProvider.System), FileMembershipTable.ReadClusterId(directory))
            : ((IGatewayListProvider)new NamedGateways(address.Gateways), address.ClusterId);

        // Configuration files, console logging and signal handling belong to the program that uses this.
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddOrleansClient(client =>
        {
            client.Services.AddSingleton(gateways);
            client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (clusterId, address.ServiceId));
            client.Configure<GatewayOptions>(options => options.GatewayListRefreshPeriod = TimeSpan.FromSeconds(5));
            client.Configure<ClientMessagingOptions>(options =>
            {
                // Nobody answers a call through a healthy gateway to a silo that dies: it hangs for this whole time.
                options.ResponseTimeout = TimeSpan.FromSeconds(5);
                options.MaxMessageBodySize = MaxMessageBytes;
            });
            client.UseConnectionRetryFilter(retry);
            if (identity is not null)
                client.Configure<ClientConnectionOptions>(options => options.ConfigureConnection(connection => connection.UseTlsTo(identity)));
            configure?.Invoke(client);
        });
        return builder.Build();
    }

    private static async ValueTask DisposeAsync(IHost host)
    {
        if (host is IAsyncDisposable disposable) await disposable.DisposeAsync().ConfigureAwait(false);
        else host.Dispose();
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
