namespace Spikeformer.Clustering.Tls;

/// <summary>The certificate files of a program in a cluster with TLS. Both sides of a connection must have a certificate that the same authority has
/// signed.</summary>
public sealed record TlsSettings
{
    /// <summary>Default DNS name in every silo's certificate.</summary>
    public const string DefaultName = "spikeformer";

    private const string ClientPrefix = "SPIKEFORMER_TLS_", SiloPrefix = "Spikeformer__Tls__";

    /// <summary>File of this program's certificate: PEM, followed by any intermediate certificates, or PFX. A client without a certificate is
    /// refused.</summary>
    public string? Certificate { get; init; }

    /// <summary>File of the certificate's private key in PEM, without a passphrase; null if the certificate's file contains the key. For a PFX file with a
    /// password, the file that contains the password.</summary>
    public string? Key { get; init; }

    /// <summary>File of the authority's certificate in PEM, or of several certificates while one replaces another. No other authority is trusted.</summary>
    public required string Authority { get; init; }

    /// <summary>The DNS name in a silo's certificate. It identifies silos instead of their addresses, which change. A certificate without this name is a
    /// client's and cannot be used by a silo.</summary>
    public string Name { get; init; } = DefaultName;

    /// <summary>Whether these are a silo's settings. Their names differ from a client's.</summary>
    internal bool IsOfSilo { get; init; }

    /// <summary>Reads the environment variables <c>SPIKEFORMER_TLS_CERTIFICATE</c>, <c>_KEY</c>, <c>_AUTHORITY</c> and <c>_NAME</c>.</summary>
    /// <returns>The settings, or null if none is set, for a cluster without TLS.</returns>
    /// <exception cref="SpikeformerException">A certificate or key is given without an authority (Usage).</exception>
    public static TlsSettings? OfEnvironment() => Given(null, null, null);

    /// <summary>Returns settings with the given files. The environment provides those that are null.</summary>
    /// <inheritdoc cref="OfEnvironment" path="/returns|/exception"/>
    public static TlsSettings? Given(string? certificate, string? key, string? authority)
    {
        (certificate, key, authority) = (Path(certificate ?? OfVariable("CERTIFICATE")), Path(key ?? OfVariable("KEY")), Path(authority ?? OfVariable("AUTHORITY")));
        if (authority is null)
            return (certificate ?? key) is not { } file ? null : throw new SpikeformerException(ErrorKind.Usage,
                $"A certificate is given ({file}), but not the authority that signs the cluster's certificates",
                $"Give --tls-authority, or set {ClientPrefix}AUTHORITY, to the file of the authority's certificate");
        return new() { Certificate = certificate, Key = key, Authority = authority, Name = OfVariable("NAME") is { Length: > 0 } name ? name : DefaultName };

        static string? OfVariable(string name) => Environment.GetEnvironmentVariable(ClientPrefix + name)?.Trim();
    }

    /// <summary>Reads the settings that a silo has written to its worker's environment.</summary>
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

    /// <summary>Writes the settings to a worker's environment, for <see cref="OfWorkerEnvironment"/>.</summary>
    internal void WriteTo(IDictionary<string, string?> environment)
    {
        Clear(environment);
        environment[SiloPrefix + nameof(Certificate)] = Certificate;
        if (Key is not null) environment[SiloPrefix + nameof(Key)] = Key;
        environment[SiloPrefix + nameof(Authority)] = Authority;
        environment[SiloPrefix + nameof(Name)] = Name;
    }

    /// <summary>Removes a silo's settings from an environment. Their names are matched in any case.</summary>
    public static void Clear(IDictionary<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        foreach (string variable in environment.Keys.Where(key => key.StartsWith(SiloPrefix, StringComparison.OrdinalIgnoreCase)).ToArray()) environment.Remove(variable);
    }

    /// <summary>Returns the name of a setting as the user knows it.</summary>
    internal string NameOf(string setting) => IsOfSilo ? SiloPrefix + setting : ClientPrefix + setting.ToUpperInvariant();

    private static string? Path(string? text) => string.IsNullOrWhiteSpace(text) ? null : System.IO.Path.GetFullPath(text);
}
