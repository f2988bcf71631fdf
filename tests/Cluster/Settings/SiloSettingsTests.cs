using Microsoft.Extensions.Configuration;
using Spikeformer.Clustering;
using Spikeformer.Clustering.Tls;
using Spikeformer.ObjectStore;
using Spikeformer.Silo.Settings;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Settings;

public sealed class SiloSettingsTests
{
    private static SiloSettings Read(params (string Key, string Value)[] settings) => SiloSettingsReader.Read(
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create($"Spikeformer:{s.Key}", (string?)s.Value))).Build());

    private static string ProblemOf(params (string Key, string Value)[] settings)
    {
        var error = Assert.Throws<SpikeformerException>(() => Read(settings));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        return error.Message;
    }

    [Fact]
    public void The_default_is_a_silo_with_both_roles_on_the_loopback_device_with_its_state_in_files()
    {
        SiloSettings settings = Read();
        Assert.Equal(SiloRoles.Control | SiloRoles.Node, settings.Roles);
        Assert.Equal((11111, 30000, 8080, 0), (settings.SiloPort, settings.GatewayPort, settings.HttpPort, settings.DataPort));
        Assert.Equal(("spikeformer", "spikeformer", "127.0.0.1"), (settings.ClusterId, settings.ServiceId, $"{settings.AdvertisedAddress}"));
        Assert.Equal((null, Path.GetFullPath("cluster"), "auto"), (settings.Redis, settings.StateDirectory, $"{settings.Devices}"));
        Assert.Equal(Environment.MachineName.ToLowerInvariant(), settings.SiloName);
    }

    [Fact]
    public void All_settings_are_read()
    {
        using var folder = new TemporaryFolder();
        SiloSettings settings = Read(("Roles", "node"), ("SiloName", "gpu-1"), ("ClusterId", "c"), ("ServiceId", "s"), ("Redis", "redis:6379,password=x"),
            ("StateDirectory", folder["state"]), ("AdvertisedAddress", "10.0.0.7"), ("SiloPort", "1"), ("GatewayPort", "2"), ("HttpPort", "3"), ("DataPort", "12000"),
            ("Devices", "cuda:0,1"), ("Data", folder.Path), ("Checkpoints", "s3://bucket/runs/"),
            ("S3:Endpoint", "https://store:9000"), ("S3:Region", "r"), ("S3:PathStyle", "off"));
        Assert.Equal((SiloRoles.Node, "gpu-1", "c", "s", "redis:6379,password=x", folder["state"], "10.0.0.7", 1, 2, 3, 12000, "cuda:0,1", folder.Path, "s3://bucket/runs"),
            (settings.Roles, settings.SiloName, settings.ClusterId, settings.ServiceId, settings.Redis, settings.StateDirectory, $"{settings.AdvertisedAddress}",
                settings.SiloPort, settings.GatewayPort, settings.HttpPort, settings.DataPort, $"{settings.Devices}", settings.Data, settings.Checkpoints));
        Assert.Equal(new S3Settings { Endpoint = new("https://store:9000"), Region = "r", PathStyle = false }, settings.S3);
    }

    [Theory]
    [InlineData("control", "Control")]
    [InlineData("Node", "Node")]
    [InlineData(" control, node ", "Control, Node")]
    [InlineData("", "Control, Node")]
    public void Roles_are_a_list(string text, string roles) => Assert.Equal(Enum.Parse<SiloRoles>(roles), Read(("Roles", text)).Roles);

    [Theory]
    [InlineData("on", true)]
    [InlineData("true", true)]
    [InlineData("Off", false)]
    [InlineData("false", false)]
    [InlineData("", true)]
    public void Metrics_of_workers_can_be_switched_off(string text, bool isOn) => Assert.Equal(isOn, Read(("WorkerMetrics", text)).WorkerMetrics);

    [Theory]
    [InlineData("Roles", "contrl")]
    [InlineData("Roles", "control,")]
    [InlineData("SiloPort", "-1")]
    [InlineData("GatewayPort", "65536")]
    [InlineData("HttpPort", "http")]
    [InlineData("DataPort", "1.5")]
    [InlineData("SiloName", "a/b")]
    [InlineData("ClusterId", "two words")]
    [InlineData("ServiceId", "ü")]
    [InlineData("AdvertisedAddress", "localhost")]
    [InlineData("AdvertisedAddress", "0.0.0.0")]
    [InlineData("Devices", "gpu:0")]
    [InlineData("Data", "/no/such/folder")]
    [InlineData("WorkerMetrics", "maybe")]
    public void A_wrong_value_is_named_with_its_setting(string key, string value) =>
        Assert.StartsWith($"The silo has 1 wrong setting:\n  Spikeformer__{key} = '{value}': ", ProblemOf((key, value)));

    [Fact]
    public void All_problems_are_reported_at_once()
    {
        string problem = ProblemOf(("Roles", "x"), ("SiloPort", "y"), ("HttpPort", "30000"), ("Colour", "red"), ("Device", "cpu:1"));
        Assert.StartsWith("The silo has 5 wrong settings:\n", problem);
        Assert.Contains("Spikeformer__Roles = 'x'", problem);
        Assert.Contains("Spikeformer__SiloPort = 'y'", problem);
        Assert.Contains("Spikeformer__HttpPort = '30000': GatewayPort is the same", problem);
        Assert.Contains("Spikeformer__Colour: there is no such setting", problem);
        Assert.Contains("Spikeformer__Device: there is no such setting; did you mean 'Devices'?", problem);
    }

    [Fact]
    public void A_wrong_connection_string_is_not_shown_since_it_may_hold_a_password()
    {
        string problem = ProblemOf(("Redis", "password=secret"));
        Assert.Contains("Spikeformer__Redis: it names no server", problem);
        Assert.DoesNotContain("secret", problem);
    }

    [Fact]
    public void TLS_is_off_unless_its_files_are_named()
    {
        Assert.Null(Read(("Tls:Name", "silos.example")).Tls);
        TlsSettings tls = Read(("Tls:Certificate", "/c"), ("Tls:Key", "/k"), ("Tls:Authority", "/a")).Tls!;
        Assert.Equal(("/c", "/k", "/a", "spikeformer"), (tls.Certificate, tls.Key, tls.Authority, tls.Name));
        Assert.Equal(("silos.example", null), (Read(("Tls:Certificate", "/c"), ("Tls:Authority", "/a"), ("Tls:Name", "silos.example")).Tls!.Name, Read().Tls));
    }

    [Fact]
    public void Missing_and_unknown_settings_of_TLS_are_named()
    {
        Assert.Contains("Spikeformer__Tls__Authority: it is missing", ProblemOf(("Tls:Certificate", "/c")));
        string problem = ProblemOf(("Tls:Key", "/k"), ("Tls:Authorty", "/a"), ("Tls:Name", "no name"));
        Assert.StartsWith("The silo has 4 wrong settings:\n", problem);
        Assert.Contains("Spikeformer__Tls__Authorty: there is no such setting; did you mean 'Authority'?", problem);
        Assert.Contains("Spikeformer__Tls__Certificate: it is missing", problem);
        Assert.Contains("Spikeformer__Tls__Authority: it is missing", problem);
        Assert.Contains("Spikeformer__Tls__Name = 'no name': ", problem);
    }

    [Fact]
    public void A_silo_without_devices_needs_no_data_folder() =>
        Assert.Equal("/no/such/folder", Read(("Roles", "control"), ("Data", "/no/such/folder")).Data);
}
