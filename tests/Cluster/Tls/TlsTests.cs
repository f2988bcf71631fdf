using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Spikeformer.Cluster.Metrics;
using Spikeformer.Cluster.Silos;
using Spikeformer.Cluster.Training;
using Spikeformer.Clustering;
using Spikeformer.Clustering.Tls;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Tls;

/// <summary>Silos that require certificates, with real programs as clients.</summary>
public sealed class TlsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CertificateAuthority _authority, _stranger;

    public TlsTests() => (_authority, _stranger) = (new(_folder.Path), new(_folder.Path, "stranger"));

    public void Dispose()
    {
        _stranger.Dispose();
        _authority.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Workers_and_clients_with_a_certificate_train_and_others_are_refused_with_the_reason_and_change_no_bit()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe();
        File.WriteAllBytes(_folder["recipe.json"], RecipeWriter.ToCanonical(recipe));
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await StartAsync("a", "--devices", "cpu:2");
        string[] cluster = ["--cluster", silo.Endpoints.Gateway];
        (string certificate, string key, _) = _authority.SignClient("alice");
        (string strange, string strangeKey, _) = _stranger.SignClient("mallory");

        using ProgramProcess sharp = ProgramProcess.StartFSharp(
            new Dictionary<string, string> { ["SPIKEFORMER_TLS_CERTIFICATE"] = certificate, ["SPIKEFORMER_TLS_KEY"] = key, ["SPIKEFORMER_TLS_AUTHORITY"] = _authority.File },
            ["--recipe", _folder["recipe.json"], "--name", "run", "--out", _folder["run"], "--workers", "2", .. cluster]);
        // They try for 15 seconds, while the run starts, trains and ends.
        (string Message, ProgramProcess Program)[] refused =
        [
            ($"The gateway {silo.Endpoints.Gateway} of the cluster at {silo.Endpoints.Gateway} requires TLS, but no certificate was given. Give certificate",
                ProgramProcess.StartCli(["list", .. cluster])),
            ("requires a certificate, but none was given. Give certificate", ProgramProcess.StartCli(["list", "--tls-authority", _authority.File, .. cluster])),
            ($"refuses the certificate in {strange}. Use one that the cluster's authority has signed",
                Posing(strange, strangeKey, _authority.File)),
            ($"is not trusted: its certificate (CN=a) is not signed by the authority in {_stranger.File}. Check SPIKEFORMER_TLS_AUTHORITY",
                ProgramProcess.StartCli(["list", "--tls-certificate", strange, "--tls-key", strangeKey, "--tls-authority", _stranger.File, .. cluster])),
        ];
        foreach ((string message, ProgramProcess program) in refused)
            using (program)
            {
                (int exitCode, string output, string error) = program.FinishAnyhow();
                Assert.True(exitCode == 5, $"exit code {exitCode} instead of 5 with: {message}. {error}");
                Assert.Equal("", output);
                Assert.Contains(message, error);
            }

        Assert.Contains($"step digest {oracle.Digests[^1]}", sharp.Finish());
        Assert.Equal("run", ProgramProcess.Cli(["list", "--tls-certificate", certificate, "--tls-key", key, "--tls-authority", _authority.File, .. cluster])[0]
            .GetProperty("runs")[0].GetProperty("run").GetString());
        Assert.Equal((200, "ready: Active\n"), await silo.GetAsync("/health/ready"));
        Scrape scrape = await Scrape.OfAsync(silo);
        Assert.True(scrape.Sum("spikeformer_tls_refused_total", ("cause", "Untrusted")) > 0);
        Assert.True(scrape.Sum("spikeformer_tls_refused_total", ("cause", "NoCertificate")) > 0);
        Assert.Equal(0, scrape.Sum("spikeformer_tls_refused_total", ("cause", "WrongName")));

        silo.Signal(15);
        (int siloCode, _, string log) = silo.Finish();
        Assert.Equal(0, siloCode);
        Assert.Equal(1, Lines(log, $"Refused a client at 127.0.0.1: its certificate (CN=mallory) is not signed by the authority in {_authority.File}"));
        Assert.Equal(1, Lines(log, "Refused a client at 127.0.0.1: it presents no certificate, does not speak TLS, or does not trust this silo's certificate"));

        // The client's own check would reject a certificate that its authority has not signed. This client trusts both authorities.
        ProgramProcess Posing(string own, string ownKey, string authority)
        {
            string both = _folder["both.pem"];
            File.WriteAllText(both, File.ReadAllText(authority) + File.ReadAllText(_stranger.File));
            return ProgramProcess.StartCli(["list", "--tls-certificate", own, "--tls-key", ownKey, "--tls-authority", both, .. cluster]);
        }
    }

    [Fact]
    public async Task Silos_check_each_other_and_a_client_cannot_pose_as_a_silo()
    {
        TestData.RequireLong();
        using SiloProcess first = await StartAsync("a"), second = await StartAsync("b");
        ClusterAddress address = ClusterAddress.Parse(first.Endpoints.Gateway) with { Tls = Settings(_authority.SignClient("alice")) };
        await using (ClusterClient client = await ClusterClient.ConnectAsync(address))
            Assert.Equal("b", (await client.Grains.GetGrain<INamed>("b/0").Where()).Silo);
        TlsIdentity alice = TlsIdentity.Load(address.Tls, TimeProvider.System);
        Assert.Null(await TlsProbe.RefusalAsync(IPEndPoint.Parse(first.Endpoints.Gateway), alice));
        Assert.StartsWith("refuses the certificate in", (await TlsProbe.RefusalAsync(IPEndPoint.Parse(first.Endpoints.SiloAddress), alice))?.What);

        string[] join = ["run", "--state", _folder["cluster"], "--devices", "none", "--silo-port", "0", "--gateway-port", "0", "--http-port", "0", "--name"];
        (string certificate, string key, _) = _stranger.SignSilo("c");
        Task<(int, string, string)> plain = Task.Run(() => SiloProcess.Run([.. join, "plain"])),
            strange = Task.Run(() => SiloProcess.Run([.. join, "c", "--tls-certificate", certificate, "--tls-key", key, "--tls-authority", _stranger.File]));
        foreach ((Task<(int ExitCode, string Output, string Error)> ended, string why) in new[]
        {
            (plain, "requires TLS, but no certificate was given. Give certificate"),
            (strange, $"is not signed by the authority in {_stranger.File}. Check Spikeformer__Tls__Authority"),
        })
        {
            (int exitCode, _, string error) = await ended;
            Assert.True(exitCode == 5, $"exit code {exitCode} instead of 5 with: {why}. {error}");
            Assert.Contains("of the cluster spikeformer ", error);
            Assert.Contains(why, error);
        }

        Assert.Equal((200, "ready: Active\n"), await first.GetAsync("/health/ready"));
        await using (ClusterClient client = await ClusterClient.ConnectAsync(address))
            Assert.Equal("b", (await client.Grains.GetGrain<INamed>("b/0").Where()).Silo);
    }

    [Fact]
    public async Task New_certificates_are_used_for_new_connections_and_existing_connections_stay()
    {
        TestData.RequireLong();
        using SiloProcess silo = await StartAsync("a");
        ClusterAddress address = ClusterAddress.Parse(silo.Endpoints.Gateway) with { Tls = Settings(_authority.SignClient("alice")) };
        await using ClusterClient client = await ClusterClient.ConnectAsync(address);
        Assert.Equal("CN=a", await SubjectAsync(silo.Endpoints.Gateway));

        // A new authority takes over in three steps: it is trusted beside the old one, its certificates replace the old ones, the old authority is removed.
        using var next = new CertificateAuthority(_folder.Path, "next");
        string old = File.ReadAllText(_authority.File);
        (string nextCertificate, string nextKey, _) = next.SignSilo("a-next");
        File.WriteAllText(_authority.File, old + File.ReadAllText(next.File));
        File.Copy(nextCertificate, _folder["a.pem"], overwrite: true);
        File.Copy(nextKey, _folder["a.key"], overwrite: true);
        Assert.Equal("CN=a-next", await SubjectAsync(silo.Endpoints.Gateway));
        await using (ClusterClient both = await ClusterClient.ConnectAsync(address))
            Assert.Equal("a", (await both.Grains.GetGrain<INamed>("a/0").Where()).Silo);
        Assert.Equal("a", (await client.Grains.GetGrain<INamed>("a/0").Where()).Silo);
        TlsSettings late = address.Tls!;
        TlsIdentity alice = TlsIdentity.Load(late, TimeProvider.System);
        File.Copy(next.File, _authority.File, overwrite: true);
        Assert.StartsWith("refuses the certificate in", (await TlsProbe.RefusalAsync(IPEndPoint.Parse(silo.Endpoints.Gateway), alice))?.What);
        Assert.Equal("a", (await client.Grains.GetGrain<INamed>("a/0").Where()).Silo);
    }

    [Theory]
    [InlineData("Spikeformer__Tls__Certificate = '/absent.pem': the file does not exist", "--tls-certificate", "/absent.pem", "--tls-authority", "/absent.pem")]
    [InlineData("Spikeformer__Tls__Authority: it is missing", "--tls-certificate", "/absent.pem")]
    public void A_silo_with_wrong_files_exits_with_2_and_names_the_setting(string message, params string[] options)
    {
        (int exitCode, string output, string error) = SiloProcess.Run(
            ["run", "--state", _folder["cluster"], "--silo-port", "0", "--gateway-port", "0", "--http-port", "0", .. options]);
        Assert.Equal((2, ""), (exitCode, output));
        Assert.Contains(message, error);
    }

    [Theory]
    [InlineData("SPIKEFORMER_TLS_AUTHORITY = '/absent.pem': the file does not exist", "--tls-authority", "/absent.pem")]
    [InlineData("A certificate is given (/absent.pem), but not the authority", "--tls-certificate", "/absent.pem")]
    public void A_client_with_wrong_files_exits_with_2_and_names_the_setting(string message, params string[] options)
    {
        using ProgramProcess cli = ProgramProcess.StartCli(["list", "--cluster", "127.0.0.1:1", .. options]);
        (int exitCode, string output, string error) = cli.FinishAnyhow();
        Assert.Equal((2, ""), (exitCode, output));
        Assert.Contains(message, error);
    }

    private Task<SiloProcess> StartAsync(string name, params string[] options)
    {
        (string certificate, string key, _) = _authority.SignSilo(name);
        return SiloProcess.StartAsync(
            new Dictionary<string, string> { ["Spikeformer__Tls__Certificate"] = certificate, ["Spikeformer__Tls__Key"] = key, ["Spikeformer__Tls__Authority"] = _authority.File },
            ["--state", _folder["cluster"], "--name", name, "--orphan-grace", "0", .. options]);
    }

    private TlsSettings Settings((string Certificate, string Key, string Pfx) files) => new() { Certificate = files.Certificate, Key = files.Key, Authority = _authority.File };

    private static async Task<string?> SubjectAsync(string endpoint)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPEndPoint.Parse(endpoint));
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "spikeformer", RemoteCertificateValidationCallback = (_, _, _, _) => true });
        return tls.RemoteCertificate?.Subject;
    }

    private static int Lines(string log, string text) => log.Split('\n').Count(line => line.Contains(text, StringComparison.Ordinal));
}
