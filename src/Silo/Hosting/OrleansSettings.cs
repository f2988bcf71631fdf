using System.Net;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using Spikeformer.Clustering;
using Spikeformer.Clustering.Tls;
using Spikeformer.Silo.Placement;
using Spikeformer.Silo.Settings;
using Spikeformer.Silo.Storage;
using StackExchange.Redis;

namespace Spikeformer.Silo.Hosting;

/// <summary>How we run Orleans, and why where it is not its default.</summary>
internal static class OrleansSettings
{
    /// <summary>Time for grains to end in order; longer than a checkpoint takes.</summary>
    private static readonly TimeSpan s_deactivation = TimeSpan.FromSeconds(60);

    /// <summary>Time for the whole host to end in order.</summary>
    public static readonly TimeSpan Shutdown = TimeSpan.FromSeconds(90);

    /// <summary>Sets up a silo.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="settings">Our settings, with ports chosen: none is 0.</param>
    /// <param name="tls">How the silo shows who it is; null without TLS.</param>
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

    /// <summary>The address to listen on: on the loopback device only, or on all.</summary>
    public static IPAddress ListenAddress(SiloSettings settings) =>
        IPAddress.IsLoopback(settings.AdvertisedAddress) ? settings.AdvertisedAddress
        : settings.AdvertisedAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;

    // A crash is noticed within 1.5 s, a hang within 6 s. Faster probes would kill healthy silos on a busy machine.
    private static void Membership(ISiloBuilder silo) => silo.Configure<ClusterMembershipOptions>(options =>
    {
        options.ProbeTimeout = TimeSpan.FromSeconds(1);
        // By default 4 x ProbeTimeout, and no hung silo is declared dead before NumMissedProbesLimit times this.
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
        // Grains carry plans, never gradients; a frame over the limit costs the connection, so it is far above what they need.
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
        // The default directory takes grains of healthy silos along when another silo leaves.
#pragma warning disable ORLEANSEXP003 // still experimental; everything that depends on it is in these two lines
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
        // By default a crashed silo's grains stay unreachable for 30 s. Two activations at once are harmless: ETags and generations fence them.
        silo.Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.FromSeconds(2));
    }

    private static void StateInRedis(ISiloBuilder silo, string redis)
    {
        silo.UseRedisClustering(options => options.ConfigurationOptions = ConfigurationOptions.Parse(redis));
        silo.AddRedisGrainStorage(ClusterNames.RunStorage, options => options.ConfigurationOptions = ConfigurationOptions.Parse(redis));
        silo.UseRedisGrainDirectoryAsDefault(options => options.ConfigurationOptions = ConfigurationOptions.Parse(redis));
    }
}
