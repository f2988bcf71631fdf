namespace Spikeformer.Clustering.Tls;

/// <summary>The files by which a program shows who it is in a cluster, and by which it knows the others. Both sides of a connection must have a
/// certificate that the same authority has signed.</summary>
public sealed record TlsSettings
{
    /// <summary>The name that every silo's certificate has to hold unless another is given.</summary>
    public const string DefaultName = "spikeformer";

    private const string ClientPrefix = "SPIKEFORMER_TLS_", SiloPrefix = "Spikeformer__Tls__";

    /// <summary>File of this program's certificate: PEM, with certificates between it and the authority behind it, or PFX. A client without one is
    /// refused.</summary>
    public string? Certificate { get; init; }

    /// <summary>File of the certificate's private key in PEM, without a passphrase; null when it lies in the certificate's own file. Of a PFX file
    /// with a password, the file that holds the password.</summary>
    public string? Key { get; init; }

    /// <summary>File of the authority's certificate in PEM, or of several while one takes another's place. Nobody else is believed.</summary>
    public required string Authority { get; init; }

    /// <summary>The DNS name that a silo's certificate holds. Silos are known by it and not by their addresses, which change; a certificate without
    /// it is a client's and cannot pass for a silo's.</summary>
    public string Name { get; init; } = DefaultName;

    /// <summary>Whether these are a silo's settings and not a client's: they have other names.</summary>
    internal bool IsOfSilo { get; init; }

    /// <summary>What the environment says: <c>SPIKEFORMER_TLS_CERTIFICATE</c>, <c>_KEY</c>, <c>_AUTHORITY</c> and <c>_NAME</c>.</summary>
    /// <returns>The settings, or null when no file is named: the cluster is one without TLS.</returns>
    /// <exception cref="SpikeformerException">There is a certificate or key, and no authority (Usage).</exception>
    public static TlsSettings? OfEnvironment() => Given(null, null, null);

    /// <summary>The same with files that were given otherwise; those that are null are the environment's.</summary>
    /// <inheritdoc cref="OfEnvironment" path="/returns|/exception"/>
    public static TlsSettings? Given(string? certificate, string? key, string? authority)
    {
        (certificate, key, authority) = (Path(certificate ?? OfVariable("CERTIFICATE")), Path(key ?? OfVariable("KEY")), Path(authority ?? OfVariable("AUTHORITY")));
        if (authority is null)
            return (certificate ?? key) is not { } file ? null : throw new SpikeformerException(ErrorKind.Usage,
                $"There is a certificate, {file}, and no authority to know the cluster by",
                $"Give --tls-authority, or set {ClientPrefix}AUTHORITY, to the file of the authority's certificate");
        return new() { Certificate = certificate, Key = key, Authority = authority, Name = OfVariable("NAME") is { Length: > 0 } name ? name : DefaultName };

        static string? OfVariable(string name) => Environment.GetEnvironmentVariable(ClientPrefix + name)?.Trim();
    }

    /// <summary>What a silo tells its workers in their environment, and what they read there.</summary>
    internal static TlsSettings? OfWorkerEnvironment() => Environment.GetEnvironmentVariable(SiloPrefix + nameof(Authority)) is { Length: > 0 } authority
        ? new()
        {
            Certificate = Environment.GetEnvironmentVariable(SiloPrefix + nameof(Certificate)),
            Key = Environment.GetEnvironmentVariable(SiloPrefix + nameof(Key)) is { Length: > 0 } key ? key : null,
            Authority = authority,
            Name = Environment.GetEnvironmentVariable(SiloPrefix + nameof(Name)) ?? DefaultName,
            IsOfSilo = true,
        }
        : null;

    /// <summary>Writes them where <see cref="OfWorkerEnvironment"/> finds them.</summary>
    internal void WriteTo(IDictionary<string, string?> environment)
    {
        Clear(environment);
        environment[SiloPrefix + nameof(Certificate)] = Certificate;
        if (Key is not null) environment[SiloPrefix + nameof(Key)] = Key;
        environment[SiloPrefix + nameof(Authority)] = Authority;
        environment[SiloPrefix + nameof(Name)] = Name;
    }

    /// <summary>Removes a silo's settings from an environment, in whatever case they are written there.</summary>
    public static void Clear(IDictionary<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        foreach (string variable in environment.Keys.Where(key => key.StartsWith(SiloPrefix, StringComparison.OrdinalIgnoreCase)).ToArray()) environment.Remove(variable);
    }

    /// <summary>How a setting is called where it was given.</summary>
    internal string NameOf(string setting) => IsOfSilo ? SiloPrefix + setting : ClientPrefix + setting.ToUpperInvariant();

    private static string? Path(string? text) => string.IsNullOrWhiteSpace(text) ? null : System.IO.Path.GetFullPath(text);
}
