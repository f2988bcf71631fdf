using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Cluster.Training;
using Spikeformer.Clustering;
using Spikeformer.Contracts;
using Spikeformer.TestKit;
using Spikeformer.TestKit.Servers;
using Xunit;

namespace Spikeformer.Cluster.Redis;

/// <summary>An upgrade during a run: all silos of a cluster with Redis and certificates restart, one by one.</summary>
public sealed class RollingRestartTests : IDisposable
{
    private const int Workers = 4, Terminate = 15;

    private readonly ClusterRuns _runs = new();
    private readonly TemporaryFolder _certificates = new();
    private readonly CertificateAuthority _authority;
    private readonly Dictionary<string, SiloProcess> _silos = [];

    public RollingRestartTests() => _authority = new(_certificates.Path);

    public void Dispose()
    {
        foreach (SiloProcess silo in _silos.Values) silo.Dispose();
        _authority.Dispose();
        _certificates.Dispose();
        _runs.Dispose();
    }

    [Fact]
    public async Task A_run_loses_no_step_while_all_silos_restart_one_by_one()
    {
        TestData.RequireLong();
        using RedisServer redis = await RedisServer.StartAsync();
        string[] names = ["control-1", "control-2", "node-1", "node-2"];
        foreach (string name in names) await StartAsync(redis, name);
        await using (SpikeformerCluster cluster = await ConnectAsync())
            await cluster.StartAsync(_runs.Spec(ClusterRuns.EndlessRecipe(), "live", Workers));
        await WholeAsync();
        foreach (string name in names)
        {
            using SiloProcess silo = _silos[name];
            silo.Signal(Terminate);
            (int exitCode, _, string log) = silo.Finish();
            Assert.True(exitCode == 0, $"{name} ended with {exitCode}: {log}");
            await StartAsync(redis, name);
            await WholeAsync();
        }
        await using SpikeformerCluster again = await ConnectAsync();
        await again.StopAsync("live");
        RunStatus end = await again.WaitAsync("live");

        Assert.Equal(RunState.Stopped, end.State);
        OracleRun oracle = Oracle.Train(ClusterRuns.EndlessRecipe(end.Step));
        JsonElement[] steps = _runs.Steps("live");
        Assert.Equal(Enumerable.Range(1, (int)end.Step), steps.Select(step => step.GetProperty("step").GetInt32()));
        Assert.Equal(oracle.Digests.Take((int)end.Step), steps.Select(step => step.GetProperty("digest").GetString()!));
        // Workers left at boundaries, so that no generation lost a member.
        Assert.Empty(_runs.Events("live", "sealed"));
        Assert.True(end.Generation >= 5, $"there were {end.Generation} generations");
    }

    /// <summary>Waits until all workers train together.</summary>
    private async Task WholeAsync()
    {
        await using SpikeformerCluster cluster = await ConnectAsync();
        await ClusterRuns.AwaitFullGenerationAsync(cluster, "live", Workers);
    }

    private Task<SpikeformerCluster> ConnectAsync()
    {
        (string certificate, string key, _) = _authority.SignClient("alice");
        return SpikeformerCluster.ConnectAsync(ClusterAddress.Parse(string.Join(',', _silos.Values.Select(silo => silo.Endpoints.Gateway))) with
        {
            Tls = new() { Certificate = certificate, Key = key, Authority = _authority.File },
        });
    }

    private async Task StartAsync(RedisServer redis, string name)
    {
        (string certificate, string key, _) = _authority.SignSilo(name);
        bool isNode = name.StartsWith("node", StringComparison.Ordinal);
        _silos[name] = await SiloProcess.StartAsync(
            new Dictionary<string, string> { ["Spikeformer__Tls__Certificate"] = certificate, ["Spikeformer__Tls__Key"] = key, ["Spikeformer__Tls__Authority"] = _authority.File },
            "--redis", redis.ConnectionString, "--name", name, "--roles", isNode ? "node" : "control", "--state", _runs[name], "--devices", isNode ? "cpu:2" : "none");
    }
}
