using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Spikeformer.Clustering.Tls;

/// <summary>How this process shows who it is, and whom it believes. Its files are read for every connection, so that new certificates take effect
/// without a restart; connections that are there stay. For any thread.</summary>
internal sealed class TlsIdentity
{
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private TlsFiles _files;
    private TlsCredentials _credentials;
    private string? _problem;

    private TlsIdentity(TlsSettings settings, TlsFiles files, TlsCredentials credentials, TimeProvider time) =>
        (Settings, _files, _credentials, _time) = (settings, files, credentials, time);

    /// <summary>Where the files are.</summary>
    public TlsSettings Settings { get; }

    /// <summary>Gets what is wrong with files that have changed, once for each problem; the ones before stay in use.</summary>
    public Action<string>? Unusable { get; set; }

    /// <summary>Reads the files.</summary>
    /// <param name="settings">Where they are.</param>
    /// <param name="time">Tells whether a certificate is valid now.</param>
    /// <exception cref="SpikeformerException">Something is wrong with them (Usage).</exception>
    public static TlsIdentity Load(TlsSettings settings, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(settings);
        TlsFiles files = TlsFiles.Read(settings);
        return new(settings, files, TlsCredentials.Parse(settings, files, time.GetUtcNow()), time);
    }

    /// <summary>What the files hold now, or held when they were last right: a certificate and its key are not replaced in one instant.</summary>
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

    /// <summary>Sets a connection up that this process makes to a silo.</summary>
    public void Apply(SslClientAuthenticationOptions options)
    {
        TlsCredentials credentials = Current;
        options.TargetHost = Settings.Name;
        options.ClientCertificates = null;
        options.LocalCertificateSelectionCallback = null;
        options.ClientCertificateContext = credentials.Own;
        options.CertificateChainPolicy = credentials.CreatePolicy();
        // A resumed session would hold the certificates of the time before.
        options.AllowTlsResume = false;
    }

    /// <summary>Sets a connection up that somebody makes to this silo.</summary>
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

    /// <summary>Why the other side is not believed, or null when it is.</summary>
    /// <param name="certificate">What it showed.</param>
    /// <param name="chain">The chain to the authority, as far as there is one.</param>
    /// <param name="errors">What the check found, made as <see cref="Apply(SslClientAuthenticationOptions)"/> asks for it.</param>
    /// <param name="mustBeSilo">Whether the certificate must hold the silos' name.</param>
    public TlsObjection? ObjectionTo(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors, bool mustBeSilo)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable)) return new(TlsRefusalCause.NoCertificate, "it shows no certificate");
        string whose = $"its certificate ({certificate.Subject})";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            X509ChainStatusFlags found = 0;
            foreach (X509ChainStatus status in chain?.ChainStatus ?? []) found |= status.Status;
            // One that has ended or is for something else is still the authority's; of others these say nothing.
            if (found == X509ChainStatusFlags.NotTimeValid)
                return new(TlsRefusalCause.OutOfDate,
                    $"{whose} is valid from {certificate.NotBefore.ToUniversalTime():yyyy-MM-dd} to {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd} only");
            if (found == X509ChainStatusFlags.NotValidForUsage) return new(TlsRefusalCause.WrongUse, $"{whose} is not for this use");
            return new(TlsRefusalCause.Untrusted, $"{whose} is not signed by the authority in {Settings.Authority}");
        }
        return errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) || mustBeSilo && !certificate.MatchesHostname(Settings.Name)
            ? new(TlsRefusalCause.WrongName, $"{whose} does not hold the name '{Settings.Name}' of a silo")
            : null;
    }
}
