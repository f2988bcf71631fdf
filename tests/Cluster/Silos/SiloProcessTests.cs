using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Spikeformer.Clustering;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Silos;

public sealed class SiloProcessTests : IDisposable
{
    private static readonly TimeSpan s_fewSeconds = TimeSpan.FromSeconds(10);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string[] Options(string name, params string[] more) => ["--state", _folder["cluster"], "--name", name, .. more];

    [Fact]
    public async Task A_running_silo_answers_on_health_and_metrics_and_exits_with_0_on_SIGTERM()
    {
        using SiloProcess silo = await SiloProcess.StartAsync(Options("a"));
        Assert.Equal(("a", "spikeformer"), (silo.Endpoints.Silo, silo.Endpoints.ClusterId));
        Assert.Equal((200, "started\n"), await silo.GetAsync("/health/startup"));
        Assert.Equal((200, "ready: Active\n"), await silo.GetAsync("/health/ready"));
        Assert.Equal((200, "live\n"), await silo.GetAsync("/health/live"));
        (int status, string metrics) = await silo.GetAsync("/metrics");
        Assert.Equal(200, status);
        Assert.Contains("service_instance_id=\"a\"", metrics);
        Assert.Contains("\norleans_catalog_activations", metrics);
        Assert.Contains("\ndotnet_gc_collections_total", metrics);

        var ending = Stopwatch.StartNew();
        silo.Signal(15);
        (int exitCode, string output, string error) = silo.Finish();
        Assert.True(ending.Elapsed < s_fewSeconds, $"took {ending.Elapsed}");
        Assert.Equal((0, ""), (exitCode, output));
        string line = Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains($"Silo a is a member of spikeformer: silos {silo.Endpoints.SiloAddress}, clients {silo.Endpoints.Gateway}", line);
    }

    [Fact]
    public async Task A_silo_ends_with_its_parent_and_leaves_Ctrl_C_to_it()
    {
        using SiloProcess silo = await SiloProcess.StartAsync(Options("a", "--parent-pipe"));
        silo.Signal(2);
        Assert.Equal(200, (await silo.GetAsync("/health/ready")).Status);
        silo.CloseInput();
        Assert.Equal(0, silo.Finish().ExitCode);
    }

    [Fact]
    public async Task Without_a_parent_pipe_closed_input_means_nothing_and_Ctrl_C_ends_it()
    {
        using SiloProcess silo = await SiloProcess.StartAsync(Options("a"));
        silo.CloseInput();
        Assert.Equal(200, (await silo.GetAsync("/health/ready")).Status);
        silo.Signal(2);
        Assert.Equal(0, silo.Finish().ExitCode);
    }

    [Fact]
    public async Task A_silo_continues_when_the_other_one_is_killed()
    {
        using SiloProcess first = await SiloProcess.StartAsync(Options("a"));
        using SiloProcess second = await SiloProcess.StartAsync(Options("b"));
        await using ClusterClient client = await ClusterClient.ConnectAsync(ClusterAddress.OfDirectory(_folder["cluster"]));
        string onFirst = await KeyOnAsync(client, "a"), onSecond = await KeyOnAsync(client, "b");

        first.Kill();
        Assert.Equal("b", await GrainCalls.RetryAsync(() => WhereAsync(client, onFirst), TimeSpan.FromSeconds(30)));
        Assert.Equal("b", await WhereAsync(client, onSecond));
        Assert.Equal((200, "ready: Active\n"), await second.GetAsync("/health/ready"));
    }

    [Fact]
    public async Task A_cluster_restarts_at_once_with_its_records_after_all_silos_were_killed()
    {
        using (SiloProcess first = await SiloProcess.StartAsync(Options("a")))
        using (SiloProcess second = await SiloProcess.StartAsync(Options("b")))
        {
            await using ClusterClient client = await second.ConnectAsync();
            Assert.Equal(1, await client.Grains.GetGrain<ITally>("run").Add());
            first.Kill();
            second.Kill();
        }
        var starting = Stopwatch.StartNew();
        using SiloProcess again = await SiloProcess.StartAsync(Options("b"));
        // By default Orleans waits until the last heartbeats of the killed silos are 15 seconds old.
        Assert.True(starting.Elapsed < s_fewSeconds, $"took {starting.Elapsed}");
        await using ClusterClient later = await again.ConnectAsync();
        Assert.Equal(2, await later.Grains.GetGrain<ITally>("run").Add());
    }

    [Fact]
    public void Wrong_settings_exit_with_2_and_are_all_named()
    {
        (int exitCode, string output, string error) = SiloProcess.Run("run", "--roles", "contrl", "--silo-port", "port", "--state", _folder["cluster"]);
        Assert.Equal((2, ""), (exitCode, output));
        Assert.Contains("2 wrong settings", error);
        Assert.Contains("Spikeformer__Roles = 'contrl'", error);
        Assert.Contains("Spikeformer__SiloPort = 'port'", error);
    }

    [Theory]
    [InlineData]
    [InlineData("rn")]
    [InlineData("run", "--no-such-option")]
    public void A_wrong_call_exits_with_2_and_leaves_standard_output_empty(params string[] arguments)
    {
        (int exitCode, string output, string error) = SiloProcess.Run(arguments);
        Assert.Equal((2, ""), (exitCode, output));
        Assert.Contains("--help", error);
    }

    [Fact]
    public void A_taken_port_exits_with_4_and_names_the_ports()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        string port = $"{((IPEndPoint)taken.LocalEndpoint).Port}";
        foreach (string option in new[] { "--silo-port", "--gateway-port", "--http-port" })
        {
            string[] others = new[] { "--silo-port", "--gateway-port", "--http-port" }.Where(o => o != option).SelectMany(o => new[] { o, "0" }).ToArray();
            (int exitCode, _, string error) = SiloProcess.Run(["run", .. others, option, port, .. Options("a")]);
            Assert.True(exitCode == 4, $"exit code {exitCode} for {option}: {error}");
            Assert.Contains("A port is taken", error);
            Assert.Contains(port, error);
        }
    }

    [Fact]
    public void A_failed_start_prints_few_lines_without_the_stacks_of_every_layer()
    {
        Directory.CreateDirectory(_folder["cluster"]);
        File.WriteAllText(Path.Combine(_folder["cluster"], FileMembershipTable.FileName), "{");
        (int exitCode, _, string error) = SiloProcess.Run(["run", "--silo-port", "0", "--gateway-port", "0", "--http-port", "0", .. Options("a")]);
        Assert.Equal(6, exitCode);
        string[] lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length <= 2, error);
        Assert.StartsWith($"The membership table {_folder["cluster"]}/membership.json is damaged", lines[^1]);
    }

    [Fact]
    public async Task A_damaged_record_is_an_error_at_the_caller_that_names_the_file()
    {
        using SiloProcess silo = await SiloProcess.StartAsync(Options("a"));
        string file = _folder["cluster/grains/tally/run.tally.json"];
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, "{");
        await using ClusterClient client = await silo.ConnectAsync();
        Exception error = await Assert.ThrowsAnyAsync<Exception>(() => client.Grains.GetGrain<ITally>("run").Add());
        Assert.Contains($"The grain record {file} is damaged", error.ToString());
        Assert.False(GrainCalls.IsTransient(error), error.ToString());
    }

    [Fact]
    public async Task A_directory_of_another_cluster_exits_with_4()
    {
        using SiloProcess silo = await SiloProcess.StartAsync(Options("a"));
        (int exitCode, _, string error) = SiloProcess.Run(
            ["run", "--silo-port", "0", "--gateway-port", "0", "--http-port", "0", "--cluster-id", "other", .. Options("b")]);
        Assert.Equal(4, exitCode);
        Assert.Contains("belongs to the cluster 'spikeformer', not to 'other'", error);
    }

    private static async Task<string> WhereAsync(ClusterClient client, string key) => (await client.Grains.GetGrain<IControlled>(key).Where()).Silo;

    private static async Task<string> KeyOnAsync(ClusterClient client, string silo)
    {
        for (int i = 0; i < 100; i++)
            if (await WhereAsync(client, $"run-{i}") == silo) return $"run-{i}";
        throw new Xunit.Sdk.XunitException($"None of 100 grains was placed on {silo}.");
    }
}
