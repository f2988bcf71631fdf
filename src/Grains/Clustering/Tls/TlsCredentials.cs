using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Spikeformer.Clustering.Tls;

/// <summary>The content of the files of <see cref="TlsSettings"/> when they were read: the own certificate with its key, and the authority.</summary>
internal sealed class TlsCredentials
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1", ClientUse = "1.3.6.1.5.5.7.3.2";

    private TlsCredentials(X509Certificate2Collection authority, SslStreamCertificateContext? own) => (Authority, Own) = (authority, own);

    /// <summary>The own certificate with its key and the intermediate certificates; null for a client without a certificate.</summary>
    public SslStreamCertificateContext? Own { get; }

    private X509Certificate2Collection Authority { get; }

    /// <summary>Parses and checks the contents of the files.</summary>
    /// <param name="settings">Names of the files, for messages.</param>
    /// <param name="files">Contents of the files.</param>
    /// <param name="now">The time at which the certificate must be valid.</param>
    /// <exception cref="SpikeformerException">A file has another content, or the files do not match (Usage).</exception>
    public static TlsCredentials Parse(TlsSettings settings, TlsFiles files, DateTimeOffset now)
    {
        var authority = new X509Certificate2Collection();
        try
        {
            authority.ImportFromPem(Encoding.Latin1.GetString(files.Authority));
        }
        catch (CryptographicException)
        {
            // The collection then stays empty.
        }
        if (authority.Count == 0)
            throw Wrong(settings, nameof(TlsSettings.Authority), "the file contains no certificate in PEM",
                "Give the certificate of the authority that signs the cluster's certificates");
        if (files.Certificate is null) return new(authority, null);

        X509Certificate2Collection own = IsPem(files.Certificate) ? ParsePem(settings, files) : ParsePfx(settings, files);
        var credentials = new TlsCredentials(authority, SslStreamCertificateContext.Create(own[0], own, offline: true));
        credentials.Check(settings, own, now);
        return credentials;
    }

    /// <summary>Returns the policy for the other side's certificate: only this authority is trusted, regardless of what this machine trusts.</summary>
    /// <remarks>The caller adds the check of the certificate's use, as a server's or a client's.</remarks>
    public X509ChainPolicy CreatePolicy()
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(Authority);
        return policy;
    }

    // An error here says more than a refusal by the other side.
    private void Check(TlsSettings settings, X509Certificate2Collection own, DateTimeOffset now)
    {
        X509Certificate2 certificate = own[0];
        if (now.UtcDateTime > certificate.NotAfter.ToUniversalTime() || now.UtcDateTime < certificate.NotBefore.ToUniversalTime())
            throw Wrong(settings, nameof(TlsSettings.Certificate),
                $"the certificate is valid from {certificate.NotBefore.ToUniversalTime():yyyy-MM-dd} to {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd} only",
                "Have a new certificate signed");
        foreach (string use in settings.IsOfSilo ? (string[])[ServerUse, ClientUse] : [ClientUse])
        {
            using var chain = new X509Chain { ChainPolicy = CreatePolicy() };
            chain.ChainPolicy.ApplicationPolicy.Add(new Oid(use));
            chain.ChainPolicy.ExtraStore.AddRange(own);
            if (chain.Build(certificate)) continue;
            bool isForOtherUse = chain.ChainStatus.All(status => status.Status == X509ChainStatusFlags.NotValidForUsage);
            throw isForOtherUse
                ? Wrong(settings, nameof(TlsSettings.Certificate), $"the certificate may not be used by a {(use == ServerUse ? "server" : "client")}",
                    "Have it signed with the extended key usages serverAuth and clientAuth; a client needs only clientAuth")
                : Wrong(settings, nameof(TlsSettings.Certificate), $"the certificate is not signed by the authority in {settings.Authority}",
                    $"Give a certificate that this authority has signed, or its authority as {settings.NameOf(nameof(TlsSettings.Authority))}");
        }
        if (settings.IsOfSilo && !certificate.MatchesHostname(settings.Name))
            throw Wrong(settings, nameof(TlsSettings.Certificate), $"the certificate does not contain the DNS name '{settings.Name}' of silos",
                $"Have it signed with the subject alternative name DNS:{settings.Name}, or give its name as {settings.NameOf(nameof(TlsSettings.Name))} to all silos and clients");
    }

    private static X509Certificate2Collection ParsePem(TlsSettings settings, TlsFiles files)
    {
        string text = Encoding.Latin1.GetString(files.Certificate!), keyText = files.Key is null ? text : Encoding.Latin1.GetString(files.Key);
        string keySetting = files.Key is null ? nameof(TlsSettings.Certificate) : nameof(TlsSettings.Key);
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(text);
        }
        catch (CryptographicException)
        {
            // The collection then stays empty.
        }
        if (all.Count == 0) throw Wrong(settings, nameof(TlsSettings.Certificate), "the file contains no certificate in PEM or PFX", "Give the file of a certificate");
        if (keyText.Contains("ENCRYPTED", StringComparison.Ordinal))
            throw Wrong(settings, keySetting, "the private key is encrypted", "Give the key without a passphrase, in a file that only this user may read");
        try
        {
            X509Certificate2 certificate = X509Certificate2.CreateFromPem(text, keyText);
            return [certificate, .. all.Skip(1)];
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            throw Wrong(settings, keySetting, "the file contains no private key in PEM that belongs to the certificate", "Give the certificate's private key");
        }
    }

    private static X509Certificate2Collection ParsePfx(TlsSettings settings, TlsFiles files)
    {
        string? password = files.Key is null ? null : Encoding.UTF8.GetString(files.Key).TrimEnd('\r', '\n');
        try
        {
            X509Certificate2Collection all = X509CertificateLoader.LoadPkcs12Collection(files.Certificate!, password, X509KeyStorageFlags.EphemeralKeySet);
            if (all.FirstOrDefault(one => one.HasPrivateKey) is { } certificate) return [certificate, .. all.Where(one => one != certificate)];
        }
        catch (CryptographicException)
        {
            throw Wrong(settings, nameof(TlsSettings.Certificate), "the file is not a certificate in PEM or PFX, or the PFX has another password",
                $"Give the file of a certificate; for a PFX, give the file with its password as {settings.NameOf(nameof(TlsSettings.Key))}");
        }
        throw Wrong(settings, nameof(TlsSettings.Certificate), "the PFX contains no certificate with a private key", "Export the certificate with its key");
    }

    private static bool IsPem(byte[] content) => content.AsSpan().IndexOf("-----BEGIN"u8) >= 0;

    private static SpikeformerException Wrong(TlsSettings settings, string setting, string problem, string remedy) =>
        TlsFiles.Wrong(settings, setting, problem, remedy);
}
