using System.Net;
using Spikeformer.Clustering.Tls;
using Spikeformer.ObjectStore;
using Spikeformer.Silo.Devices;

namespace Spikeformer.Silo.Settings;

/// <summary>The settings of a silo. They are read from the configuration section <c>Spikeformer</c>: options on the command line, variables
/// <c>Spikeformer__NAME</c> in the environment, and <c>appsettings.json</c> beside the program.</summary>
internal sealed record SiloSettings
{
    /// <summary>Name of the section.</summary>
    public const string Section = "Spikeformer";

    /// <summary>The roles of the silo. Default: control and node.</summary>
    public SiloRoles Roles { get; init; } = SiloRoles.Control | SiloRoles.Node;

    /// <summary>Name of the silo, unique in the cluster and the same after a restart; it is part of the names of its workers. Default: the name of the
    /// machine.</summary>
    public string SiloName { get; init; } = Environment.MachineName.ToLowerInvariant();

    /// <summary>Name of the cluster.</summary>
    public string ClusterId { get; init; } = ClusterNames.DefaultId;

    /// <summary>Name of the service, to which records in Redis belong.</summary>
    public string ServiceId { get; init; } = ClusterNames.DefaultId;

    /// <summary>Connection string of Redis for membership, directory and records; null keeps them in <see cref="StateDirectory"/>.</summary>
    public string? Redis { get; init; }

    /// <summary>Directory of membership and records without Redis, on a local disk; the silos of one machine share it. Default: <c>cluster</c>.</summary>
    public string StateDirectory { get; init; } = "cluster";

    /// <summary>Address at which others reach this silo. With a loopback address (the default) the silo listens on no other address.</summary>
    public IPAddress AdvertisedAddress { get; init; } = IPAddress.Loopback;

    /// <summary>TCP port for silos; 0 takes a free one.</summary>
    public int SiloPort { get; init; } = ClusterNames.SiloPort;

    /// <summary>TCP port for clients; 0 takes a free one.</summary>
    public int GatewayPort { get; init; } = ClusterNames.GatewayPort;

    /// <summary>TCP port of metrics and health; 0 takes a free one.</summary>
    public int HttpPort { get; init; } = ClusterNames.HttpPort;

    /// <summary>First TCP port of the data plane of the workers: slot n takes <c>DataPort + n</c>; 0 (the default) takes free ports.</summary>
    public int DataPort { get; init; }

    /// <summary>Devices that get a worker, for the role node.</summary>
    public DeviceSelection Devices { get; init; } = DeviceSelection.Auto;

    /// <summary>Default folder of the data as the workers see it; null if every run names its own.</summary>
    public string? Data { get; init; }

    /// <summary>Place of the checkpoints of runs that name none, each under the name of the run: a folder or <c>s3://bucket/prefix</c>; null keeps them in
    /// the run directories.</summary>
    public string? Checkpoints { get; init; }

    /// <summary>The object store, section <c>S3</c>.</summary>
    public S3Settings S3 { get; init; } = new();

    /// <summary>Folder of the logs of the workers. Default: <c>workers</c> in <see cref="StateDirectory"/>.</summary>
    public string? WorkerLogs { get; init; }

    /// <summary>Seconds for which a worker continues without its silo, so that a restarted silo can adopt it; 0 ends it at once. Default: 60.</summary>
    public int OrphanGrace { get; init; } = 60;

    /// <summary>Whether workers measure metrics for this silo to export. Default: on.</summary>
    public bool WorkerMetrics { get; init; } = true;

    /// <summary>Files for TLS between silos and at the gateways; null (the default) does not encrypt.</summary>
    public TlsSettings? Tls { get; init; }
}
