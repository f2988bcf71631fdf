using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Spikeformer.TestKit;

/// <summary>Signs certificates for tests and writes them to files in a folder.</summary>
public sealed class CertificateAuthority : IDisposable
{
    /// <summary>The extended key usages of servers and clients. A silo has both.</summary>
    public const string ServerUse = "1.3.6.1.5.5.7.3.1", ClientUse = "1.3.6.1.5.5.7.3.2";

    private readonly string _folder;
    private readonly X509Certificate2 _certificate;

    /// <summary>Creates an authority.</summary>
    /// <param name="folder">Folder for the files.</param>
    /// <param name="name">Name of the authority and of its file.</param>
    public CertificateAuthority(string folder, string name = "authority")
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _folder = folder;
        _certificate = Request(name, key).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddYears(10));
        File = Write($"{name}.pem", _certificate.ExportCertificatePem());
    }

    private CertificateAuthority(CertificateAuthority above, string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _folder = above._folder;
        using X509Certificate2 bare = Request(name, key).Create(
            above._certificate, DateTimeOffset.UtcNow.AddDays(-20), DateTimeOffset.UtcNow.AddYears(5), RandomNumberGenerator.GetBytes(16));
        _certificate = bare.CopyWithPrivateKey(key);
        File = Write($"{name}.pem", _certificate.ExportCertificatePem());
    }

    /// <summary>Path of the authority's certificate in PEM format.</summary>
    public string File { get; }

    /// <summary>Signs a certificate and writes <c>NAME.pem</c>, <c>NAME.key</c> and <c>NAME.pfx</c> without passwords.</summary>
    /// <param name="name">Name of the files and the subject.</param>
    /// <param name="dnsName">Subject alternative name; null for none.</param>
    /// <param name="uses">Extended key usages; null for a certificate without that extension.</param>
    /// <param name="from">Start of validity, in days from now.</param>
    /// <param name="until">End of validity, in days from now.</param>
    public (string Certificate, string Key, string Pfx) Sign(string name, string? dnsName = null, string[]? uses = null, int from = -1, int until = 30)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        if (uses is not null) request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. uses.Select(use => new Oid(use))], false));
        if (dnsName is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(dnsName);
            request.CertificateExtensions.Add(names.Build());
        }
        using X509Certificate2 bare = request.Create(
            _certificate, DateTimeOffset.UtcNow.AddDays(from), DateTimeOffset.UtcNow.AddDays(until), RandomNumberGenerator.GetBytes(16));
        using X509Certificate2 whole = bare.CopyWithPrivateKey(key);
        string pfx = Path.Combine(_folder, $"{name}.pfx");
        System.IO.File.WriteAllBytes(pfx, whole.Export(X509ContentType.Pkcs12));
        return (Write($"{name}.pem", bare.ExportCertificatePem()), Write($"{name}.key", key.ExportPkcs8PrivateKeyPem()), pfx);
    }

    /// <summary>Signs a silo's certificate.</summary>
    public (string Certificate, string Key, string Pfx) SignSilo(string name) => Sign(name, "spikeformer", [ServerUse, ClientUse]);

    /// <summary>Signs a client's certificate.</summary>
    public (string Certificate, string Key, string Pfx) SignClient(string name) => Sign(name, uses: [ClientUse]);

    /// <summary>Signs the certificate of a subordinate authority.</summary>
    public CertificateAuthority SignAuthority(string name) => new(this, name);

    /// <inheritdoc/>
    public void Dispose() => _certificate.Dispose();

    private static CertificateRequest Request(string name, ECDsa key)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        return request;
    }

    private string Write(string file, string text)
    {
        string path = Path.Combine(_folder, file);
        System.IO.File.WriteAllText(path, text + "\n");
        return path;
    }
}
