namespace Spikeformer.Clustering;

/// <summary>Default names and ports of silos and clients.</summary>
internal static class ClusterNames
{
    /// <summary>Default name of a cluster and of its service.</summary>
    public const string DefaultId = "spikeformer";

    /// <summary>Default TCP port between silos.</summary>
    public const int SiloPort = 11111;

    /// <summary>Default TCP port of a silo's gateway, where clients connect.</summary>
    public const int GatewayPort = 30000;

    /// <summary>Default port of metrics and health over HTTP.</summary>
    public const int HttpPort = 8080;

    /// <summary>Name of the grain storage of run, worker and shard records.</summary>
    public const string RunStorage = "runs";
}
