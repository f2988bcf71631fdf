using System.CommandLine;
using Spikeformer.Client;
using Spikeformer.Clustering.Tls;

namespace Spikeformer.Cli.Shell;

/// <summary>How a verb finds a cluster, shows itself there, and names a run in it.</summary>
internal sealed class ClusterOptions
{
    private const string Variable = "SPIKEFORMER_CLUSTER";

    private readonly Option<string?> _cluster = new("--cluster")
    {
        Description = $"Gateways of the cluster, or the state directory of silos on this machine (default: {Variable})", HelpName = "HOST:PORT[,…]|DIR",
    };

    private readonly Option<string?> _certificate = File("--tls-certificate", "Own certificate, PEM or PFX, for a cluster with TLS", "CERTIFICATE");
    private readonly Option<string?> _key = File("--tls-key", "Its private key in PEM, or of a PFX its password", "KEY");
    private readonly Option<string?> _authority = File("--tls-authority", "Certificate of the cluster's authority in PEM", "AUTHORITY");

    /// <summary>Gives a verb these options.</summary>
    public void AddTo(Command command)
    {
        foreach (Option<string?> option in (Option<string?>[])[_cluster, _certificate, _key, _authority]) command.Add(option);
    }

    public static Argument<string> Run() => new("run") { Description = "Name of the run" };

    /// <summary>Connects to the cluster that an option or the environment names.</summary>
    /// <exception cref="SpikeformerException">None is named, or certificate files are wrong (Usage), or it does not answer or refuses us (Unreachable).</exception>
    public Task<SpikeformerCluster> ConnectAsync(ParseResult parsed, CancellationToken cancellation)
    {
        string? text = parsed.GetValue(_cluster) ?? Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrWhiteSpace(text))
            throw new SpikeformerException(ErrorKind.Usage, "No cluster is named", $"Give --cluster host:port or set {Variable}; 'train' needs none");
        return SpikeformerCluster.ConnectAsync(SpikeformerCluster.AddressOf(text) with
        {
            Tls = TlsSettings.Given(parsed.GetValue(_certificate), parsed.GetValue(_key), parsed.GetValue(_authority)),
        }, cancellation);
    }

    private static Option<string?> File(string name, string description, string variable) =>
        new(name) { Description = $"{description} (default: SPIKEFORMER_TLS_{variable})", HelpName = "FILE" };
}
