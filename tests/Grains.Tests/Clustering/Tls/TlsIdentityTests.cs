using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Spikeformer.Clustering.Tls;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Clustering.Tls;

public sealed class TlsIdentityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CertificateAuthority _authority;

    public TlsIdentityTests() => _authority = new(_folder.Path);

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Certificate_and_key_are_read_from_two_files_or_one_file_or_a_pfx()
    {
        (string certificate, string key, string pfx) = _authority.SignSilo("silo");
        string both = _folder["both.pem"];
        File.WriteAllText(both, File.ReadAllText(certificate) + File.ReadAllText(key));
        foreach (TlsSettings settings in new[] { Silo(certificate, key), Silo(both, null), Silo(pfx, null) })
            Assert.Equal("CN=silo", Load(settings).Current.Own!.TargetCertificate.Subject);
    }

    [Fact]
    public void The_password_of_a_pfx_is_the_content_of_the_key_file()
    {
        (string certificate, string key, _) = _authority.SignSilo("silo");
        using X509Certificate2 whole = X509Certificate2.CreateFromPemFile(certificate, key);
        File.WriteAllBytes(_folder["locked.pfx"], whole.Export(X509ContentType.Pkcs12, "open sesame"));
        File.WriteAllText(_folder["password"], "open sesame\n");
        Assert.Equal("CN=silo", Load(Silo(_folder["locked.pfx"], _folder["password"])).Current.Own!.TargetCertificate.Subject);
        Assert.Contains("the PFX has another password", ProblemOf(Silo(_folder["locked.pfx"], null)));
    }

    [Fact]
    public void A_client_without_a_certificate_only_trusts() =>
        Assert.Null(Load(new() { Authority = _authority.File }).Current.Own);

    [Theory]
    [InlineData("no certificate", "Spikeformer__Tls__Certificate = '{0}/absent.pem': the file does not exist.")]
    [InlineData("no key", "Spikeformer__Tls__Key = '{0}/absent.key': the file does not exist.")]
    [InlineData("no authority", "Spikeformer__Tls__Authority = '{0}/absent.pem': the file does not exist.")]
    [InlineData("folder", "Spikeformer__Tls__Key = '{0}': the file cannot be read: ")]
    [InlineData("key for certificate", "Spikeformer__Tls__Certificate = '{0}/silo.key': the file contains no certificate in PEM or PFX.")]
    [InlineData("certificate for key", "Spikeformer__Tls__Key = '{0}/silo.pem': the file contains no private key in PEM that belongs to the certificate.")]
    [InlineData("another's key", "Spikeformer__Tls__Key = '{0}/other.key': the file contains no private key in PEM that belongs to the certificate.")]
    [InlineData("encrypted", "Spikeformer__Tls__Key = '{0}/encrypted.key': the private key is encrypted.")]
    [InlineData("no key at all", "Spikeformer__Tls__Certificate = '{0}/silo.pem': the file contains no private key in PEM that belongs to the certificate.")]
    [InlineData("rubbish", "Spikeformer__Tls__Certificate = '{0}/rubbish': the file is not a certificate in PEM or PFX, or the PFX has another password.")]
    [InlineData("rubbish in PEM", "Spikeformer__Tls__Certificate = '{0}/rubbish.pem': the file contains no certificate in PEM or PFX.")]
    [InlineData("rubbish authority", "Spikeformer__Tls__Authority = '{0}/rubbish': the file contains no certificate in PEM.")]
    [InlineData("another authority", "Spikeformer__Tls__Certificate = '{0}/silo.pem': the certificate is not signed by the authority in {0}/stranger.pem.")]
    [InlineData("ended", "Spikeformer__Tls__Certificate = '{0}/ended.pem': the certificate is valid from ")]
    [InlineData("not begun", "Spikeformer__Tls__Certificate = '{0}/early.pem': the certificate is valid from ")]
    [InlineData("client's", "Spikeformer__Tls__Certificate = '{0}/client.pem': the certificate may not be used by a server.")]
    [InlineData("server's", "Spikeformer__Tls__Certificate = '{0}/server.pem': the certificate may not be used by a client.")]
    [InlineData("nameless", "Spikeformer__Tls__Certificate = '{0}/nameless.pem': the certificate does not contain the DNS name 'spikeformer' of silos.")]
    public void The_error_for_a_wrong_file_names_its_setting(string wrong, string message)
    {
        (string certificate, string key, _) = _authority.SignSilo("silo");
        File.WriteAllText(_folder["encrypted.key"], "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
        File.WriteAllText(_folder["rubbish"], "rubbish");
        File.WriteAllText(_folder["rubbish.pem"], "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n");
        using var stranger = new CertificateAuthority(_folder.Path, "stranger");
        TlsSettings settings = wrong switch
        {
            "no certificate" => Silo(_folder["absent.pem"], key),
            "no key" => Silo(certificate, _folder["absent.key"]),
            "no authority" => Silo(certificate, key) with { Authority = _folder["absent.pem"] },
            "folder" => Silo(certificate, _folder.Path),
            "key for certificate" => Silo(key, key),
            "certificate for key" => Silo(certificate, certificate),
            "another's key" => Silo(certificate, _authority.SignSilo("other").Key),
            "encrypted" => Silo(certificate, _folder["encrypted.key"]),
            "no key at all" => Silo(certificate, null),
            "rubbish" => Silo(_folder["rubbish"], null),
            "rubbish in PEM" => Silo(_folder["rubbish.pem"], key),
            "rubbish authority" => Silo(certificate, key) with { Authority = _folder["rubbish"] },
            "another authority" => Silo(certificate, key) with { Authority = stranger.File },
            "ended" => Silo(_authority.Sign("ended", "spikeformer", from: -3, until: -1)),
            "not begun" => Silo(_authority.Sign("early", "spikeformer", from: 1, until: 3)),
            "client's" => Silo(_authority.SignClient("client")),
            "server's" => Silo(_authority.Sign("server", "spikeformer", [CertificateAuthority.ServerUse])),
            "nameless" => Silo(_authority.Sign("nameless")),
            _ => throw new ArgumentException(wrong),
        };
        Assert.StartsWith(string.Format(System.Globalization.CultureInfo.InvariantCulture, message, _folder.Path), ProblemOf(settings));
    }

    [Fact]
    public void Errors_name_a_clients_settings_as_the_client_knows_them()
    {
        string problem = ProblemOf(new() { Authority = _folder["absent.pem"] });
        Assert.StartsWith($"SPIKEFORMER_TLS_AUTHORITY = '{_folder["absent.pem"]}': the file does not exist.", problem);
    }

    [Fact]
    public void Changed_files_are_used_at_the_next_connection_and_half_changed_ones_are_not()
    {
        (string certificate, string key, _) = _authority.SignSilo("silo");
        TlsIdentity identity = Load(Silo(certificate, key));
        var problems = new List<string>();
        identity.Unusable = problems.Add;
        TlsCredentials first = identity.Current;
        Assert.Same(first, identity.Current);

        (string nextCertificate, string nextKey, _) = _authority.SignSilo("next");
        File.Copy(nextCertificate, certificate, overwrite: true);
        Assert.Same(first, identity.Current);
        Assert.Same(first, identity.Current);
        Assert.Contains("the file contains no private key in PEM that belongs to the certificate", Assert.Single(problems));
        File.Copy(nextKey, key, overwrite: true);
        Assert.Equal("CN=next", identity.Current.Own!.TargetCertificate.Subject);
        File.Delete(certificate);
        Assert.Equal("CN=next", identity.Current.Own!.TargetCertificate.Subject);
        Assert.Equal(2, problems.Count);
    }

    [Theory]
    [InlineData("silo", "silo", true, null, null)]
    [InlineData("silo", "client", false, null, null)]
    [InlineData("silo", "client", true, null, "WrongName")]
    [InlineData("silo", "none", false, null, "NoCertificate")]
    [InlineData("silo", "stranger", false, null, "Untrusted")]
    [InlineData("silo", "forged", false, null, "Untrusted")]
    [InlineData("silo", "ended", false, null, "OutOfDate")]
    [InlineData("silo", "server only", false, null, "WrongUse")]
    [InlineData("stranger", "client", false, "Untrusted", null)]
    [InlineData("ended", "client", false, "OutOfDate", null)]
    [InlineData("other name", "client", false, "WrongName", null)]
    public async Task Each_side_refuses_a_wrong_certificate_of_the_other(string server, string client, bool mustBeSilo, string? clientObjects, string? serverObjects)
    {
        using var stranger = new CertificateAuthority(_folder.Path, "stranger");
        // Another authority with the same name.
        using var forger = new CertificateAuthority(Directory.CreateDirectory(_folder["forger"]).FullName);
        var shownByServer = server switch
        {
            "silo" => _authority.SignSilo("silo"),
            "stranger" => stranger.SignSilo("strange"),
            "ended" => _authority.Sign("ended", "spikeformer", from: -3, until: -1),
            _ => _authority.Sign("other-name", "elsewhere"),
        };
        (string, string, string)? shownByClient = client switch
        {
            "silo" => _authority.SignSilo("peer"),
            "client" => _authority.SignClient("client"),
            "stranger" => stranger.SignClient("strange-client"),
            "forged" => forger.SignClient("forged"),
            "ended" => _authority.Sign("ended-client", from: -3, until: -1),
            "server only" => _authority.Sign("server-only", "spikeformer", [CertificateAuthority.ServerUse]),
            _ => null,
        };
        (TlsObjection? OfClient, TlsObjection? OfServer) = await ConnectAsync(Context(shownByServer), shownByClient is { } shown ? Context(shown) : null, mustBeSilo);
        Assert.Equal((clientObjects, serverObjects), (OfClient?.Cause.ToString(), OfServer?.Cause.ToString()));
    }

    [Fact]
    public async Task Intermediate_certificates_are_presented_with_the_own_one()
    {
        using CertificateAuthority between = _authority.SignAuthority("between");
        (string certificate, string key, _) = between.SignSilo("below");
        File.AppendAllText(certificate, File.ReadAllText(between.File));
        SslStreamCertificateContext own = Load(Silo(certificate, key)).Current.Own!;
        Assert.Equal((null, null), await ConnectAsync(own, own, mustBeSilo: true));
    }

    [Fact]
    public void The_environment_of_a_worker_has_its_silos_settings_and_no_others()
    {
        var environment = new Dictionary<string, string?> { ["SPIKEFORMER__TLS__KEY"] = "old", ["Spikeformer__Tls__Name"] = "old", ["Spikeformer__Redis"] = "redis" };
        (Silo("/c", null) with { Authority = "/a" }).WriteTo(environment);
        Assert.Equal(
            [("Spikeformer__Redis", "redis"), ("Spikeformer__Tls__Authority", "/a"), ("Spikeformer__Tls__Certificate", "/c"), ("Spikeformer__Tls__Name", "spikeformer")],
            environment.Select(pair => (pair.Key, pair.Value!)).OrderBy(pair => pair.Key, StringComparer.Ordinal));
    }

    /// <summary>Connects two ends with the given certificates and returns their objections to each other.</summary>
    private async Task<(TlsObjection? OfClient, TlsObjection? OfServer)> ConnectAsync(
        SslStreamCertificateContext shownByServer, SslStreamCertificateContext? shownByClient, bool mustBeSilo)
    {
        TlsIdentity identity = Load(Silo(_authority.SignSilo("sound")));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var near = new TcpClient();
        await near.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        using TcpClient far = await listener.AcceptTcpClientAsync();
        (TlsObjection? OfClient, TlsObjection? OfServer) objections = default;
        var server = new SslServerAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                (objections.OfServer = identity.ObjectionTo(certificate as X509Certificate2, chain, errors, mustBeSilo)) is null,
        };
        identity.Apply(server);
        server.ServerCertificateContext = shownByServer;
        var client = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                (objections.OfClient = identity.ObjectionTo(certificate as X509Certificate2, chain, errors, mustBeSilo: true)) is null,
        };
        identity.Apply(client);
        client.ClientCertificateContext = shownByClient;
        await using SslStream serving = new(far.GetStream()), calling = new(near.GetStream());
        await Task.WhenAll(Quietly(serving, serving.AuthenticateAsServerAsync(server)), Quietly(calling, calling.AuthenticateAsClientAsync(client)));
        return objections;

        static async Task Quietly(SslStream stream, Task handshake)
        {
            try
            {
                await handshake;
            }
            catch (Exception refusal) when (refusal is AuthenticationException or IOException)
            {
                await stream.DisposeAsync(); // so that the other side does not wait
            }
        }
    }

    private TlsSettings Silo(string certificate, string? key) => new() { Certificate = certificate, Key = key, Authority = _authority.File, IsOfSilo = true };

    private TlsSettings Silo((string Certificate, string Key, string Pfx) files) => Silo(files.Certificate, files.Key);

    private static TlsIdentity Load(TlsSettings settings) => TlsIdentity.Load(settings, TimeProvider.System);

    private static SslStreamCertificateContext Context((string Certificate, string Key, string Pfx) files) =>
        SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(files.Certificate, files.Key), null, offline: true);

    private static string ProblemOf(TlsSettings settings)
    {
        var error = Assert.Throws<SpikeformerException>(() => Load(settings));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        return error.Message;
    }
}
