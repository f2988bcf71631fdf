using System.Net;
using Spikeformer.Clustering;
using Spikeformer.Clustering.Tls;
using Spikeformer.ObjectStore;
using Spikeformer.Silo.Devices;

namespace Spikeformer.Silo.Settings;

/// <summary>How a silo takes part in its cluster. Read from configuration, section <c>Spikeformer</c>: <c>Spikeformer__NAME</c> in the environment,
/// <c>--name</c> on the command line, or <c>appsettings.json</c> beside the program.</summary>
internal sealed record SiloSettings
{
    /// <summary>The section's name.</summary>
    public const string Section = "Spikeformer";

    /// <summary>What the silo does; control and node unless given.</summary>
    public SiloRoles Roles { get; init; } = SiloRoles.Control | SiloRoles.Node;

    /// <summary>Name of the silo, unique in the cluster and the same after a restart: workers are called by it. The machine's name unless given.</summary>
    public string SiloName { get; init; } = Environment.MachineName.ToLowerInvariant();

    /// <summary>Name of the cluster.</summary>
    public string ClusterId { get; init; } = ClusterNames.DefaultId;

    /// <summary>Name of the service; records in Redis belong to it.</summary>
    public string ServiceId { get; init; } = ClusterNames.DefaultId;

    /// <summary>Connection string of Redis for membership, directory and records; null keeps them in files of <see cref="StateDirectory"/>.</summary>
    public string? Redis { get; init; }

    /// <summary>Directory of membership and records without Redis, on a local disk; shared by the silos of one machine. <c>cluster</c> unless given.</summary>
    public string StateDirectory { get; init; } = "cluster";

    /// <summary>Address under which others reach this silo. The loopback address (default) also keeps it from listening on others.</summary>
    public IPAddress AdvertisedAddress { get; init; } = IPAddress.Loopback;

    /// <summary>TCP port for silos; 0 takes a free one.</summary>
    public int SiloPort { get; init; } = ClusterNames.SiloPort;

    /// <summary>TCP port for clients; 0 takes a free one.</summary>
    public int GatewayPort { get; init; } = ClusterNames.GatewayPort;

    /// <summary>TCP port of metrics and health; 0 takes a free one.</summary>
    public int HttpPort { get; init; } = ClusterNames.HttpPort;

    /// <summary>First TCP port of the workers' data plane: slot n takes <c>DataPort + n</c>; 0 (default) takes free ones.</summary>
    public int DataPort { get; init; }

    /// <summary>Devices that get a worker; used by the role node.</summary>
    public DeviceSelection Devices { get; init; } = DeviceSelection.Auto;

    /// <summary>Default folder of the data as the workers see it; null when runs name their own.</summary>
    public string? Data { get; init; }

    /// <summary>Where runs that name no place keep their checkpoints, each under its name: a folder or <c>s3://bucket/prefix</c>; null keeps them in the
    /// run directories.</summary>
    public string? Checkpoints { get; init; }

    /// <summary>Where the object store is, section <c>S3</c>.</summary>
    public S3Settings S3 { get; init; } = new();

    /// <summary>Folder of the workers' logs; <c>workers</c> in <see cref="StateDirectory"/> unless given.</summary>
    public string? WorkerLogs { get; init; }

    /// <summary>Seconds that a worker goes on without its silo, for a restarted one to take over; 0 ends it at once. 60 unless given.</summary>
    public int OrphanGrace { get; init; } = 60;

    /// <summary>Whether workers measure, for this silo to export; on unless given.</summary>
    public bool WorkerMetrics { get; init; } = true;

    /// <summary>Files for TLS between silos and at the gateways; null (default) speaks in the clear.</summary>
    public TlsSettings? Tls { get; init; }
}
