using System.CommandLine;

namespace Spikeformer.Client;

/// <summary>How verbs find a cluster and a run in it.</summary>
internal static class ClusterOptions
{
    private const string Variable = "SPIKEFORMER_CLUSTER";

    public static Option<string?> Cluster() => new("--cluster")
    {
        Description = $"Gateways of the cluster, or the state directory of silos on this machine (default: {Variable})", HelpName = "HOST:PORT[,…]|DIR",
    };

    public static Argument<string> Run() => new("run") { Description = "Name of the run" };

    /// <summary>Connects to the cluster that an option or the environment names.</summary>
    /// <exception cref="SpikeformerException">None is named (Usage), or it does not answer (Unreachable).</exception>
    public static Task<SpikeformerCluster> ConnectAsync(string? option, CancellationToken cancellation)
    {
        string? text = option ?? Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrWhiteSpace(text))
            throw new SpikeformerException(ErrorKind.Usage, "No cluster is named", $"Give --cluster host:port or set {Variable}; 'train' needs none");
        return SpikeformerCluster.ConnectAsync(text, cancellation);
    }
}
