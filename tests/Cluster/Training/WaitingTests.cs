using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.Silo.Devices;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Runs that cannot train with the workers that there are.</summary>
public sealed class WaitingTests : IDisposable
{
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task Too_little_memory_is_told_with_the_number_of_shards_and_a_second_worker_makes_the_run_train()
    {
        const string shortage = "1 of 8 shards fit into the memory of 1 worker; add workers or memory";
        Recipe recipe = ClusterRuns.Recipe();
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess small = await StartAsync("small", new() { [MachineMemory.LimitVariable] = "1" });
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(small.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "tight", workers: 0) with { StartGraceSeconds = 0 });

        await Eventually.HoldsAsync("the run waits for memory", async () => (await cluster.StatusAsync("tight")).WaitingFor == shortage);
        JsonElement status = Status(small, "tight");
        Assert.Equal(("waitingForWorkers", shortage), (status.GetProperty("state").GetString(), status.GetProperty("waitingFor").GetString()));
        JsonElement member = Assert.Single(status.GetProperty("members").EnumerateArray());
        Assert.Equal(("small/0", 1), (member.GetProperty("worker").GetString(), member.GetProperty("capacity").GetInt32()));
        Assert.Contains(ProgramProcess.Cli("events", "tight", "--cluster", small.Endpoints.Gateway),
            line => line.GetProperty("kind").GetString() == "waitingForWorkers" && line.GetProperty("message").GetString() == shortage);
        await Eventually.HoldsAsync("the worker logs it", async () => (await cluster.LogAsync("small/0", 100)).Contains($"Run tight: {shortage}"));

        using SiloProcess large = await StartAsync("large", []);
        RunStatus end = await cluster.WaitAsync("tight");
        _runs.AssertSame(oracle, end);
        Assert.Contains("small/0 owns shard 0, large/0 owns shards 1-7", _runs.Events("tight", "generation")[0]);
        Assert.Single(await cluster.LogAsync("small/0", 100), line => line.Contains("fit into the memory"));
    }

    [Fact]
    public async Task A_run_with_a_minimum_of_workers_trains_only_with_so_many()
    {
        using SiloProcess first = await StartAsync("first", []);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(first.Endpoints.Gateway);
        string[] option = ["--cluster", first.Endpoints.Gateway];
        ProgramProcess.Cli(["start", "--recipe", "demo", "--set", "epochs=1000", "--name", "pair", "--out", _runs["pair"], "--min-workers", "2", .. option]);
        RunStatus status = null!;
        await Eventually.HoldsAsync("the first worker is ready", async () => (status = await cluster.StatusAsync("pair")).WaitingFor == "1 of 2 workers ready");
        Assert.Equal(0, status.Step);

        using (SiloProcess second = await StartAsync("second", []))
        {
            await Eventually.HoldsAsync("a step of two workers", async () => (status = await cluster.StatusAsync("pair")).Step > 0);
            Assert.Equal([0, 1], status.Members.Select(member => member.Rank!.Value));
        }
        await Eventually.HoldsAsync("the run waits again", async () => (status = await cluster.StatusAsync("pair")).State is RunState.WaitingForWorkers);
        Assert.StartsWith("1 of 2 workers ready", status.WaitingFor);
        Assert.Equal("stopped", ProgramProcess.Cli(["stop", "pair", "--wait", .. option])[0].GetProperty("state").GetString());
        Assert.Equal([("accepted", true), ("stopped", true)], from line in ProgramProcess.Cli(["events", "pair", .. option])
                                                              where line.TryGetProperty("by", out _)
                                                              select (line.GetProperty("kind").GetString()!, line.GetProperty("by").GetString() == Environment.UserName));
    }

    private static JsonElement Status(SiloProcess silo, string run) => ProgramProcess.Cli("status", run, "--cluster", silo.Endpoints.Gateway)[0];

    private Task<SiloProcess> StartAsync(string name, Dictionary<string, string> environment) => SiloProcess.StartAsync(environment,
        "--state", _runs["cluster"], "--name", name, "--devices", "cpu:1", "--worker-logs", _runs[name], "--orphan-grace", "0");
}
