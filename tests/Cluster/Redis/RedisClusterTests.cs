using Spikeformer.Cluster.Silos;
using Spikeformer.Clustering;
using Spikeformer.TestKit;
using Spikeformer.TestKit.Servers;
using Xunit;

namespace Spikeformer.Cluster.Redis;

/// <summary>Silos with membership, directory and records in Redis.</summary>
public sealed class RedisClusterTests
{
    [Fact]
    public async Task Records_and_reachability_survive_the_death_of_the_silo_that_held_a_grain()
    {
        using RedisServer redis = await RedisServer.StartAsync();
        using SiloProcess control = await StartAsync(redis, "alpha", "control"), node = await StartAsync(redis, "beta", "node");
        await using ClusterClient client = await node.ConnectAsync();
        Assert.Equal("alpha", (await client.Grains.GetGrain<INamed>("alpha/0").Where()).Silo);
        var tally = client.Grains.GetGrain<ITally>("run");
        Assert.Equal(1, await tally.Add());
        control.Kill();
        Assert.Equal(2, await GrainCalls.RetryAsync(tally.Add, TimeSpan.FromSeconds(30)));
        Assert.Equal((200, "ready: Active\n"), await node.GetAsync("/health/ready"));
    }

    [Fact]
    public async Task Records_survive_the_death_of_everything()
    {
        TestData.RequireLong();
        using RedisServer redis = await RedisServer.StartAsync();
        using (SiloProcess silo = await StartAsync(redis, "alpha", "control"))
        {
            await using ClusterClient client = await silo.ConnectAsync();
            Assert.Equal(1, await client.Grains.GetGrain<ITally>("run").Add());
            silo.Kill();
            redis.Kill();
        }
        await redis.RunAsync();
        using SiloProcess again = await StartAsync(redis, "alpha", "control");
        await using ClusterClient later = await again.ConnectAsync();
        Assert.Equal(2, await later.Grains.GetGrain<ITally>("run").Add());
    }

    [Fact]
    public async Task A_silo_without_a_certificate_does_not_join_silos_that_demand_one()
    {
        using RedisServer redis = await RedisServer.StartAsync();
        using var folder = new TemporaryFolder();
        using var authority = new CertificateAuthority(folder.Path);
        (string certificate, string key, _) = authority.SignSilo("alpha");
        using SiloProcess silo = await SiloProcess.StartAsync(
            "--redis", redis.ConnectionString, "--name", "alpha", "--roles", "control", "--tls-certificate", certificate, "--tls-key", key, "--tls-authority", authority.File);
        (int exitCode, _, string error) = SiloProcess.Run(
            "run", "--redis", redis.ConnectionString, "--name", "beta", "--devices", "none", "--silo-port", "0", "--gateway-port", "0", "--http-port", "0");
        Assert.Equal(5, exitCode);
        Assert.Contains("requires TLS, but no certificate was given. Give certificate", error);
        Assert.Equal((200, "ready: Active\n"), await silo.GetAsync("/health/ready"));
    }

    [Fact]
    public async Task A_silo_without_its_Redis_exits_with_5_and_names_the_server_but_no_password()
    {
        using RedisServer redis = await RedisServer.StartAsync();
        string server = redis.ConnectionString;
        redis.Kill();
        (int exitCode, _, string error) = SiloProcess.Run("run", "--redis", $"{server},password=secret,connectTimeout=500",
            "--silo-port", "0", "--gateway-port", "0", "--http-port", "0");
        Assert.Equal(5, exitCode);
        Assert.Contains($"Redis cannot be reached at {server}", error);
        Assert.DoesNotContain("secret", error);
    }

    private static Task<SiloProcess> StartAsync(RedisServer redis, string name, string roles) =>
        SiloProcess.StartAsync("--redis", redis.ConnectionString, "--name", name, "--roles", roles);
}
