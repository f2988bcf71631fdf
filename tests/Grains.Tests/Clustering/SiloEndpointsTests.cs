using Spikeformer.Clustering;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Clustering;

public sealed class SiloEndpointsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Endpoints_are_read_back_as_they_were_written()
    {
        Assert.Null(SiloEndpoints.TryRead(_folder["endpoints.json"]));
        var written = new SiloEndpoints("a", 12, "c", "127.0.0.1:1", "127.0.0.1:2", "http://127.0.0.1:3");
        written.Write(_folder["endpoints.json"]);
        Assert.Equal(written, SiloEndpoints.TryRead(_folder["endpoints.json"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    public void The_error_for_another_file_names_it(string content)
    {
        File.WriteAllText(_folder["endpoints.json"], content);
        var error = Assert.Throws<SpikeformerException>(() => SiloEndpoints.TryRead(_folder["endpoints.json"]));
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.Contains(_folder["endpoints.json"], error.Message);
    }
}
