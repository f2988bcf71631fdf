using Spikeformer.Clustering;
using Xunit;

namespace Spikeformer.Grains.Tests.Clustering;

public sealed class ClusterAddressTests
{
    [Fact]
    public void Gateways_are_hosts_with_ports()
    {
        ClusterAddress address = ClusterAddress.Parse("silo-0:30000, 10.0.0.7:1,[::1]:2");
        Assert.Equal([("silo-0", 30000), ("10.0.0.7", 1), ("::1", 2)], address.Gateways.Select(gateway => (gateway.Host, gateway.Port)));
        Assert.Null(address.StateDirectory);
        Assert.Equal(("spikeformer", "spikeformer"), (address.ClusterId, address.ServiceId));
    }

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("silo-0")]
    [InlineData(":30000")]
    [InlineData("silo-0:")]
    [InlineData("silo-0:0")]
    [InlineData("silo-0:65536")]
    [InlineData("silo-0:-1")]
    [InlineData("http://silo-0:30000")]
    [InlineData("silo 0:30000")]
    [InlineData("::1:30000")]
    [InlineData("silo-0:30000,silo-1")]
    public void Any_other_text_is_a_usage_error_with_an_example(string text)
    {
        var error = Assert.Throws<SpikeformerException>(() => ClusterAddress.Parse(text));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains("for example silo-0:30000", error.Message);
    }

    [Fact]
    public void A_directory_is_made_absolute() =>
        Assert.Equal(Path.GetFullPath("runs/a/cluster"), ClusterAddress.OfDirectory("runs/a/cluster").StateDirectory);
}
