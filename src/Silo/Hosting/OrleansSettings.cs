using System.Net;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using Spikeformer.Clustering.Tls;
using Spikeformer.Silo.Placement;
using Spikeformer.Silo.Settings;
using Spikeformer.Silo.Storage;
using StackExchange.Redis;

namespace Spikeformer.Silo.Hosting;

/// <summary>The settings of Orleans. Comments explain where they differ from the defaults.</summary>
internal static class OrleansSettings
{
    /// <summary>Time for grains to deactivate in order; longer than a checkpoint takes.</summary>
    private static readonly TimeSpan s_deactivation = TimeSpan.FromSeconds(60);

    /// <summary>Time for the whole host to stop in order.</summary>
    public static readonly TimeSpan Shutdown = TimeSpan.FromSeconds(90);

    /// <summary>Configures a silo.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="settings">The settings of the silo, with chosen ports: none is 0.</param>
    /// <param name="tls">The certificate of the silo; null without TLS.</param>
    public static void Apply(ISiloBuilder silo, SiloSettings settings, TlsIdentity? tls)
    {
        Identity(silo, settings);
        if (tls is not null) SiloTls.Use(silo, tls);
        JoinCheck.Use(silo, settings, tls);
        Membership(silo);
        Messaging(silo);
        Placement(silo, settings);
        silo.Configure<GrainCollectionOptions>(options => options.DeactivationTimeout = s_deactivation);
        silo.Services.AddSingleton<IGrainStorageSerializer, RecordSerializer>();
        if (settings.Redis is { } redis) StateInRedis(silo, redis);
        else StateInFiles(silo, settings);
    }

    private static void Identity(ISiloBuilder silo, SiloSettings settings)
    {
        IPAddress listen = ListenAddress(settings);
        silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (settings.ClusterId, settings.ServiceId));
        silo.Configure<SiloOptions>(options => options.SiloName = settings.SiloName);
        silo.Configure<EndpointOptions>(options =>
        {
            (options.AdvertisedIPAddress, options.SiloPort, options.GatewayPort) = (settings.AdvertisedAddress, settings.SiloPort, settings.GatewayPort);
            options.SiloListeningEndpoint = new(listen, settings.SiloPort);
            options.GatewayListeningEndpoint = new(listen, settings.GatewayPort);
        });
    }

    /// <summary>Returns the address to listen on: only the loopback device, or all devices.</summary>
    public static IPAddress ListenAddress(SiloSettings settings) =>
        IPAddress.IsLoopback(settings.AdvertisedAddress) ? settings.AdvertisedAddress
        : settings.AdvertisedAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;

    // Detects a crash within 1.5 seconds and a hang within 6 seconds. Faster probes would kill healthy silos on a busy machine.
    private static void Membership(ISiloBuilder silo) => silo.Configure<ClusterMembershipOptions>(options =>
    {
        options.ProbeTimeout = TimeSpan.FromSeconds(1);
        // The default is 4 x ProbeTimeout, and a hung silo is declared dead only after NumMissedProbesLimit times this.
        options.MaxProbeTimeout = TimeSpan.FromSeconds(2);
        options.NumMissedProbesLimit = 3;
        options.NumVotesForDeathDeclaration = 2;
        options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        options.DefunctSiloExpiration = TimeSpan.FromHours(1);
    });

    private static void Messaging(ISiloBuilder silo) => silo.Configure<SiloMessagingOptions>(options =>
    {
        options.ResponseTimeout = TimeSpan.FromSeconds(10);
        // Messages carry plans, never gradients. A larger message closes the connection, so that the limit is far above the largest one.
        options.MaxMessageBodySize = ClusterClient.MaxMessageBytes;
    });

    private static void Placement(ISiloBuilder silo, SiloSettings settings)
    {
        silo.UseSiloMetadata(new Dictionary<string, string> { [ControlPlacementDirector.RolesKey] = settings.Roles.ToString() });
        silo.AddPlacementDirector<ControlPlacement, ControlPlacementDirector>();
        silo.AddPlacementDirector<SiloNamePlacement, SiloNamePlacementDirector>();
    }

    private static void StateInFiles(ISiloBuilder silo, SiloSettings settings)
    {
        silo.Services.AddSingleton<IMembershipTable>(_ => new FileMembershipTable(settings.StateDirectory, settings.ClusterId, TimeProvider.System));
        silo.Services.AddGrainStorage(ClusterNames.RunStorage, (services, _) => new FileGrainStorage(
            Path.Combine(settings.StateDirectory, "grains"), services.GetRequiredService<IGrainStorageSerializer>(),
            services.GetRequiredService<IActivatorProvider>(), TimeProvider.System));
        silo.Services.AddHostedService<FileGrainStorageSweep>();
        // The default directory also drops grains of healthy silos when another silo leaves.
#pragma warning disable ORLEANSEXP003 // experimental; only this line depends on it
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
        // By default the grains of a crashed silo stay unreachable for 30 seconds. Two activations at once are harmless: ETags and generations fence them.
        silo.Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.FromSeconds(2));
    }

    private static void StateInRedis(ISiloBuilder silo, string redis)
    {
        silo.UseRedisClustering(options => options.ConfigurationOptions = ConfigurationOptions.Parse(redis));
        silo.AddRedisGrainStorage(ClusterNames.RunStorage, options => options.ConfigurationOptions = ConfigurationOptions.Parse(redis));
        silo.UseRedisGrainDirectoryAsDefault(options => options.ConfigurationOptions = ConfigurationOptions.Parse(redis));
    }
}
