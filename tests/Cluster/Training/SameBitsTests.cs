using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.Clustering;
using Spikeformer.Contracts;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Cluster;

/// <summary>Real silos and workers train; the digest of every step is that of the oracle, which trains alone in this process.</summary>
public sealed class SameBitsTests : IDisposable
{
    // 66 steps; the last one of each epoch has 4 samples for 8 shards, so that some workers own empty shards only.
    private static readonly string[] Synthetic =
    [
        "shards=8", "batch=16", "epochs=3", "data.trainSamples=340", "data.testSamples=22", "data.canvas=[16,16]", "model.width=32", "model.heads=2",
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("global")]
    [InlineData("shard")]
    public async Task Any_number_of_workers_gives_the_digests_of_the_oracle(string batchNorm)
    {
        Recipe recipe = RecipeCatalogue.Load("demo", [.. Synthetic, $"batchNorm={batchNorm}"]);
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await StartAsync("a", workers: 5);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        for (int workers = 1; workers <= 5; workers++)
        {
            RunStatus end = await TrainAsync(cluster, recipe, $"w{workers}", workers);
            AssertSame(oracle, end);
            Assert.Equal(Enumerable.Repeat(1L, oracle.Digests.Count), Lines($"w{workers}").Select(line => line.GetProperty("generation").GetInt64()));
        }
    }

    [Fact]
    public async Task Real_recordings_give_the_digests_of_the_oracle_over_shared_memory_and_over_tcp()
    {
        string data = TestData.Folder("nmnist");
        Recipe recipe = RecipeCatalogue.Load("nmnist", ["shards=8", "epochs=1"]);
        OracleRun oracle = Oracle.Train(recipe, data);
        foreach (string transport in new[] { "", "tcp" })
        {
            using SiloProcess silo = await StartAsync($"silo-{transport}", workers: 3, transport);
            await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
            AssertSame(oracle, await TrainAsync(cluster, recipe, $"nmnist-{transport}", 3, data));
        }
    }

    [Fact]
    public async Task Workers_that_join_and_leave_in_the_middle_change_no_bit()
    {
        Recipe recipe = RecipeCatalogue.Load("demo", [.. Synthetic, "epochs=9"]);
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess first = await StartAsync("a", workers: 2);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(first.Endpoints.Gateway);
        RunSpec spec = Spec(recipe, "elastic", workers: 3) with { MinWorkers = 2, StartGraceSeconds = 0 };
        await cluster.StartAsync(spec);
        await GenerationAsync(cluster, 1);
        using SiloProcess second = await StartAsync("b", workers: 1);
        await GenerationAsync(cluster, 2);
        await cluster.DrainAsync("a/0");
        await GenerationAsync(cluster, 3);
        RunStatus end = await cluster.WaitAsync("elastic");

        AssertSame(oracle, end);
        long[] generations = [.. Lines("elastic").Select(line => line.GetProperty("generation").GetInt64())];
        Assert.Equal(generations.Order(), generations);
        Assert.Superset(new HashSet<long> { 1, 2, 3 }, generations.ToHashSet());
    }

    [Fact]
    public async Task A_run_that_is_stopped_and_resumed_with_another_number_of_workers_gives_the_digests_of_the_oracle()
    {
        Recipe recipe = RecipeCatalogue.Load("demo", Synthetic);
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(Spec(recipe, "stopped", workers: 2));
        await Eventually.HoldsAsync("some steps", async () => (await cluster.StatusAsync("stopped")).Step >= 10);
        await cluster.StopAsync("stopped");
        RunStatus stopped = await cluster.WaitAsync("stopped");
        Assert.Equal(RunState.Stopped, stopped.State);
        Assert.InRange(stopped.Outcome!.Step, 10, oracle.Digests.Count - 1);
        Assert.Equal(oracle.Digests[(int)stopped.Outcome.Step - 1], stopped.Outcome.StepDigest);

        await cluster.StartAsync(Spec(recipe, "stopped", workers: 3) with { IsResume = true });
        AssertSame(oracle, await cluster.WaitAsync("stopped"));
    }

    private Task<SiloProcess> StartAsync(string name, int workers, string transport = "") => SiloProcess.StartAsync(
        new Dictionary<string, string> { ["SPIKEFORMER_TRANSPORT"] = transport },
        "--state", _folder["cluster"], "--name", name, "--devices", $"cpu:{workers}", "--orphan-grace", "0");

    private static Task GenerationAsync(SpikeformerCluster cluster, long number) => Eventually.HoldsAsync($"steps of generation {number}",
        async () => await cluster.StatusAsync("elastic") is { } status && (status.LastCommit?.Generation >= number || RunStates.IsOver(status.State)));

    private async Task<RunStatus> TrainAsync(SpikeformerCluster cluster, Recipe recipe, string name, int workers, string? data = null)
    {
        await cluster.StartAsync(Spec(recipe, name, workers) with { DataPath = data });
        return await cluster.WaitAsync(name);
    }

    private RunSpec Spec(Recipe recipe, string name, int workers) => RunSpecs.Of(recipe) with { Name = name, OutDirectory = _folder[name], Workers = workers, StartGraceSeconds = 60 };

    private void AssertSame(OracleRun oracle, RunStatus end)
    {
        Assert.True(end.State == RunState.Completed, end.Failure?.Details ?? end.State.ToString());
        Assert.Equal(oracle.Digests, Lines(end.Run).Select(line => line.GetProperty("digest").GetString()!));
        Assert.Equal(oracle.Digests[^1], end.Outcome!.StepDigest);
        Assert.Equal(oracle.WeightsDigest, end.Outcome.WeightsDigest);
        Assert.Equal(oracle.Evaluations[^1].Accuracy, end.Outcome.TestAccuracy);
        Assert.Equal(oracle.Evaluations[^1].Loss, end.LastEpoch!.TestLoss);
    }

    private JsonElement[] Lines(string run) => [.. File.ReadLines(Path.Combine(_folder[run], "steps.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
}
