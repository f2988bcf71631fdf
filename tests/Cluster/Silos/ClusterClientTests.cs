using System.Diagnostics;
using Spikeformer.Clustering;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Silos;

public sealed class ClusterClientTests : IDisposable
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("127.0.0.1:1")]
    [InlineData("no-such-host.invalid:30000")]
    public async Task A_cluster_that_does_not_answer_is_unreachable(string address)
    {
        var trying = Stopwatch.StartNew();
        var error = await Assert.ThrowsAsync<SpikeformerException>(() => ClusterClient.ConnectAsync(ClusterAddress.Parse(address), s_second));
        Assert.Equal(ErrorKind.Unreachable, error.Kind);
        Assert.StartsWith($"No gateway of the cluster at {address} answered within 1 s", error.Message);
        Assert.True(trying.Elapsed < TimeSpan.FromSeconds(20), $"took {trying.Elapsed}");
    }

    [Fact]
    public async Task A_directory_without_a_cluster_is_not_found()
    {
        var error = await Assert.ThrowsAsync<SpikeformerException>(() => ClusterClient.ConnectAsync(ClusterAddress.OfDirectory(_folder.Path), s_second));
        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.Contains(_folder.Path, error.Message);
    }

    [Fact]
    public async Task A_cancelled_attempt_to_connect_ends()
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => ClusterClient.ConnectAsync(ClusterAddress.Parse("127.0.0.1:1"), TimeSpan.FromMinutes(5), stop.Token));
    }

    [Fact]
    public async Task A_client_finds_gateways_by_host_name_and_refuses_another_cluster()
    {
        using SiloProcess silo = await SiloProcess.StartAsync("--state", _folder["cluster"], "--name", "a");
        string port = silo.Endpoints.Gateway.Split(':')[1];
        await using (ClusterClient client = await ClusterClient.ConnectAsync(ClusterAddress.Parse($"127.0.0.1:1,localhost:{port}")))
            Assert.Equal("a", (await client.Grains.GetGrain<IControlled>("run").Where()).Silo);
        var error = await Assert.ThrowsAsync<SpikeformerException>(
            () => ClusterClient.ConnectAsync(ClusterAddress.Parse(silo.Endpoints.Gateway) with { ClusterId = "other" }, s_second));
        Assert.Equal(ErrorKind.Unreachable, error.Kind);
        Assert.Contains("cluster id is 'other'", error.Message);
    }

    [Fact]
    public async Task A_client_switches_to_a_silo_that_joined_later()
    {
        using SiloProcess first = await SiloProcess.StartAsync("--state", _folder["cluster"], "--name", "a");
        await using ClusterClient client = await ClusterClient.ConnectAsync(ClusterAddress.OfDirectory(_folder["cluster"]));
        using SiloProcess second = await SiloProcess.StartAsync("--state", _folder["cluster"], "--name", "b");
        first.Kill();
        Assert.Equal("b", (await GrainCalls.RetryAsync(() => client.Grains.GetGrain<INamed>("b/0").Where(), TimeSpan.FromSeconds(30))).Silo);
    }
}
