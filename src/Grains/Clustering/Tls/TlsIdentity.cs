using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Spikeformer.Clustering.Tls;

/// <summary>The certificate that this process presents, and the authority that it trusts. The files are read for every connection, so new certificates take
/// effect without a restart. Existing connections stay. Safe for use from any thread.</summary>
internal sealed class TlsIdentity
{
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private TlsFiles _files;
    private TlsCredentials _credentials;
    private string? _problem;

    private TlsIdentity(TlsSettings settings, TlsFiles files, TlsCredentials credentials, TimeProvider time) =>
        (Settings, _files, _credentials, _time) = (settings, files, credentials, time);

    /// <summary>Names of the files.</summary>
    public TlsSettings Settings { get; }

    /// <summary>Called with the problem of files that have changed, once for each problem. The previous contents stay in use.</summary>
    public Action<string>? Unusable { get; set; }

    /// <summary>Reads and checks the files.</summary>
    /// <param name="settings">Names of the files.</param>
    /// <param name="time">The clock for the validity of certificates.</param>
    /// <exception cref="SpikeformerException">A file is wrong (Usage).</exception>
    public static TlsIdentity Load(TlsSettings settings, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(settings);
        TlsFiles files = TlsFiles.Read(settings);
        return new(settings, files, TlsCredentials.Parse(settings, files, time.GetUtcNow()), time);
    }

    /// <summary>The current content of the files, or the last one that was valid: a certificate and its key cannot be replaced at the same instant.</summary>
    public TlsCredentials Current
    {
        get
        {
            lock (_lock)
            {
                try
                {
                    TlsFiles files = TlsFiles.Read(Settings);
                    if (!files.IsSameAs(_files)) (_credentials, _files) = (TlsCredentials.Parse(Settings, files, _time.GetUtcNow()), files);
                    _problem = null;
                }
                catch (SpikeformerException wrong)
                {
                    if (_problem != wrong.Message) Unusable?.Invoke(wrong.Message);
                    _problem = wrong.Message;
                }
                return _credentials;
            }
        }
    }

    /// <summary>Sets the options of an outgoing connection to a silo.</summary>
    public void Apply(SslClientAuthenticationOptions options)
    {
        TlsCredentials credentials = Current;
        options.TargetHost = Settings.Name;
        options.ClientCertificates = null;
        options.LocalCertificateSelectionCallback = null;
        options.ClientCertificateContext = credentials.Own;
        options.CertificateChainPolicy = credentials.CreatePolicy();
        // A resumed session would use the previous certificates.
        options.AllowTlsResume = false;
    }

    /// <summary>Sets the options of an incoming connection.</summary>
    public void Apply(SslServerAuthenticationOptions options)
    {
        TlsCredentials credentials = Current;
        options.ServerCertificate = null;
        options.ServerCertificateSelectionCallback = null;
        options.ServerCertificateContext = credentials.Own;
        options.ClientCertificateRequired = true;
        options.CertificateChainPolicy = credentials.CreatePolicy();
        options.AllowTlsResume = false;
    }

    /// <summary>Returns why the other side is not trusted, or null if it is.</summary>
    /// <param name="certificate">The other side's certificate.</param>
    /// <param name="chain">The chain to the authority, as far as it exists.</param>
    /// <param name="errors">Result of the check that <see cref="Apply(SslClientAuthenticationOptions)"/> configures.</param>
    /// <param name="mustBeSilo">Whether the certificate must contain the silos' name.</param>
    public TlsObjection? ObjectionTo(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool mustBeSilo)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable)) return new(TlsRefusalCause.NoCertificate, "it presents no certificate");
        string whose = $"its certificate ({certificate.Subject})";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            X509ChainStatusFlags found = 0;
            foreach (X509ChainStatus status in chain?.ChainStatus ?? []) found |= status.Status;
            // A certificate with only one of these flags was signed by the authority. On other certificates the flags say nothing.
            if (found == X509ChainStatusFlags.NotTimeValid)
                return new(TlsRefusalCause.OutOfDate,
                    $"{whose} is valid from {certificate.NotBefore.ToUniversalTime():yyyy-MM-dd} to {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd} only");
            if (found == X509ChainStatusFlags.NotValidForUsage) return new(TlsRefusalCause.WrongUse, $"{whose} is not for this use");
            return new(TlsRefusalCause.Untrusted, $"{whose} is not signed by the authority in {Settings.Authority}");
        }
        return errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) || mustBeSilo && !certificate.MatchesHostname(Settings.Name)
            ? new(TlsRefusalCause.WrongName, $"{whose} does not contain the name '{Settings.Name}' of silos")
            : null;
    }
}
