using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Real silos and workers train. The digest of every step equals that of the oracle, which trains alone in this process.</summary>
public sealed class SameBitsTests : IDisposable
{
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData("global")]
    [InlineData("shard")]
    public async Task Any_number_of_workers_gives_the_digests_of_the_oracle(string batchNorm)
    {
        if (batchNorm == "shard") TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe($"batchNorm={batchNorm}");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 5);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        foreach (int workers in (int[])(TestData.IsExhaustive ? [1, 2, 3, 4, 5] : TestData.IsLong && batchNorm == "global" ? [1, 2, 3, 5] : [1, 3]))
        {
            RunStatus end = await _runs.TrainAsync(cluster, recipe, $"w{workers}", workers);
            _runs.AssertSame(oracle, end);
            Assert.Empty(_runs.Events($"w{workers}", "sealed"));
        }
    }

    /// <summary>BatchNorm modes for real recordings. Synthetic data is trained in both modes above.</summary>
    public static TheoryData<string> RealModes => TestData.IsExhaustive ? ["global", "shard"] : ["global"];

    [Theory]
    [MemberData(nameof(RealModes))]
    public async Task Real_recordings_give_the_digests_of_the_oracle_with_any_workers_and_over_any_transport(string batchNorm)
    {
        string data = TestData.Folder("nmnist");
        TestData.RequireLong();
        Recipe recipe = RecipeCatalogue.Load("nmnist", ["shards=8", "batch=16", "epochs=1", $"batchNorm={batchNorm}"]);
        OracleRun oracle = Oracle.Train(recipe, data);
        Assert.InRange(oracle.Digests.Count, 60, 70);
        using (SiloProcess silo = await _runs.StartAsync("a", workers: 5))
        {
            await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
            foreach (int workers in (int[])(TestData.IsExhaustive ? [1, 2, 3, 4, 5] : [2, 5]))
                _runs.AssertSame(oracle, await _runs.TrainAsync(cluster, recipe, $"w{workers}", workers, data));
        }
        using (SiloProcess silo = await _runs.StartAsync("a", workers: 3, transport: "tcp"))
        {
            await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
            _runs.AssertSame(oracle, await _runs.TrainAsync(cluster, recipe, "tcp", 3, data));
        }
        using SiloProcess first = await _runs.StartAsync("a", workers: 2);
        await using SpikeformerCluster elastic = await SpikeformerCluster.ConnectAsync(first.Endpoints.Gateway);
        Recipe longer = RecipeCatalogue.Load("nmnist", ["shards=8", "batch=16", "epochs=2", $"batchNorm={batchNorm}"]);
        await elastic.StartAsync(_runs.Spec(longer, "elastic", workers: 3) with { DataPath = data, MinWorkers = 2, StartGraceSeconds = 0 });
        await ClusterRuns.AwaitGenerationAsync(elastic, "elastic", 1);
        using SiloProcess second = await _runs.StartAsync("b", workers: 1);
        await ClusterRuns.AwaitGenerationAsync(elastic, "elastic", 2);
        await elastic.DrainAsync("a/0");
        _runs.AssertSame(Oracle.Train(longer, data), await elastic.WaitAsync("elastic"));
        Assert.Superset(new HashSet<long> { 1, 2, 3 }, _runs.Generations("elastic").ToHashSet());
    }

    [Fact]
    public async Task Workers_that_join_and_leave_in_the_middle_change_no_bit()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=9");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess first = await _runs.StartAsync("a", workers: 2);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(first.Endpoints.Gateway);
        RunSpec spec = _runs.Spec(recipe, "elastic", workers: 3) with { MinWorkers = 2, StartGraceSeconds = 0 };
        await cluster.StartAsync(spec);
        await ClusterRuns.AwaitGenerationAsync(cluster, "elastic", 1);
        using SiloProcess second = await _runs.StartAsync("b", workers: 1);
        await ClusterRuns.AwaitGenerationAsync(cluster, "elastic", 2);
        await cluster.DrainAsync("a/0");
        await ClusterRuns.AwaitGenerationAsync(cluster, "elastic", 3);
        RunStatus end = await cluster.WaitAsync("elastic");

        _runs.AssertSame(oracle, end);
        long[] generations = _runs.Generations("elastic");
        Assert.Equal(generations.Order(), generations);
        Assert.Superset(new HashSet<long> { 1, 2, 3 }, generations.ToHashSet());
        // Nobody was lost: workers joined and left between two steps.
        Assert.Empty(_runs.Events("elastic", "sealed"));
    }

    [Fact]
    public async Task A_run_that_is_stopped_and_resumed_with_another_number_of_workers_gives_the_digests_of_the_oracle()
    {
        Recipe recipe = ClusterRuns.Recipe();
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "stopped", workers: 2));
        await ClusterRuns.AwaitStepAsync(cluster, "stopped", 10);
        await cluster.StopAsync("stopped");
        RunStatus stopped = await cluster.WaitAsync("stopped");
        Assert.Equal(RunState.Stopped, stopped.State);
        Assert.InRange(stopped.Outcome!.Step, 10, oracle.Digests.Count - 1);
        Assert.Equal(oracle.Digests[(int)stopped.Outcome.Step - 1], stopped.Outcome.StepDigest);

        await cluster.StartAsync(_runs.Spec(recipe, "stopped", workers: 3) with { IsResume = true });
        _runs.AssertSame(oracle, await cluster.WaitAsync("stopped"));
    }
}
