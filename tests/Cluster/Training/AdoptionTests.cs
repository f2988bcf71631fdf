using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>The only silo dies, and with it the run's coordinator. Its workers continue to train, and the next silo adopts them.</summary>
public sealed class AdoptionTests : IDisposable
{
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task Workers_outlive_their_silo_and_the_next_one_adopts_them()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=12");
        OracleRun oracle = Oracle.Train(recipe);
        int[] before;
        using (SiloProcess first = await _runs.StartAsync("a", workers: 2, orphanGrace: 120))
        {
            await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(first.Endpoints.Gateway);
            await cluster.StartAsync(_runs.Spec(recipe, "orphans", workers: 2));
            await ClusterRuns.AwaitStepAsync(cluster, "orphans", 10);
            before = await ProcessesAsync(cluster);
            first.Kill();
        }
        int logged = _runs.Steps("orphans").Length;
        await Eventually.HoldsAsync("steps without a silo", () => Task.FromResult(_runs.Steps("orphans").Length >= logged + 50));

        using SiloProcess second = await _runs.StartAsync("a", workers: 2, orphanGrace: 0);
        await using SpikeformerCluster again = await SpikeformerCluster.ConnectAsync(second.Endpoints.Gateway);
        await ClusterRuns.AwaitStepAsync(again, "orphans", logged + 51);
        int[] after = [];
        await Eventually.HoldsAsync("both workers at the new silo", async () => (after = await ProcessesAsync(again)).Length == before.Length);
        Assert.Equal(before, after);
        RunStatus end = await again.WaitAsync("orphans");
        _runs.AssertSame(oracle, end);
        Assert.Equal([1], _runs.Generations("orphans").Distinct());
        Assert.Equal(before, await ProcessesAsync(again));
        // The workers end with the silo that has adopted them.
        second.Signal(WorkerSignals.Terminate);
        Assert.Equal(0, second.Finish().ExitCode);
        Assert.DoesNotContain(before, process => Directory.Exists($"/proc/{process}"));
    }

    private static async Task<int[]> ProcessesAsync(SpikeformerCluster cluster) =>
        [.. from worker in await cluster.WorkersAsync() orderby worker.Report.Info.Worker select worker.Report.Info.ProcessId];
}
