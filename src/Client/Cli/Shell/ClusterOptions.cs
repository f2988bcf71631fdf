using Spikeformer.Client;
using Spikeformer.Clustering.Tls;

namespace Spikeformer.Cli.Shell;

/// <summary>The options by which a verb finds a cluster and shows its certificate, and the argument that names a run.</summary>
internal sealed class ClusterOptions
{
    private const string Variable = "SPIKEFORMER_CLUSTER";

    private readonly Option<string?> _cluster = new("--cluster")
    {
        Description = $"Gateways of the cluster, or the state directory of silos on this machine (default: ${Variable})", HelpName = "HOST:PORT[,…]|DIR",
    };

    private readonly Option<string?> _certificate = File("--tls-certificate", "Certificate to show to a cluster with TLS, PEM or PFX", "CERTIFICATE");
    private readonly Option<string?> _key = File("--tls-key", "Private key of the certificate, PEM; for a PFX a file with its password", "KEY");
    private readonly Option<string?> _authority = File("--tls-authority", "Certificate of the authority that the cluster trusts, PEM", "AUTHORITY");

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (Option<string?> option in (Option<string?>[])[_cluster, _certificate, _key, _authority]) command.Add(option);
    }

    public static Argument<string> Run() => new("run") { Description = "Name of the run" };

    /// <summary>Connects to the cluster that the option or the environment names.</summary>
    /// <exception cref="SpikeformerException">No cluster is named, or certificate files are wrong (Usage); or the cluster does not answer, or refuses this
    /// client (Unreachable).</exception>
    public Task<SpikeformerCluster> ConnectAsync(ParseResult parsed, CancellationToken cancellation)
    {
        string? text = parsed.GetValue(_cluster) ?? Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrWhiteSpace(text))
            throw new SpikeformerException(ErrorKind.Usage, "No cluster is named", $"Name one with --cluster HOST:PORT, or set {Variable}; 'train' needs no cluster");
        return SpikeformerCluster.ConnectAsync(SpikeformerCluster.AddressOf(text) with
        {
            Tls = TlsSettings.Given(parsed.GetValue(_certificate), parsed.GetValue(_key), parsed.GetValue(_authority)),
        }, cancellation);
    }

    private static Option<string?> File(string name, string description, string variable) =>
        new(name) { Description = $"{description} (default: $SPIKEFORMER_TLS_{variable})", HelpName = "FILE" };
}
