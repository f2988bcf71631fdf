using System.Diagnostics;
using System.Globalization;
using Spikeformer.Client;
using Spikeformer.Contracts;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Cluster;

/// <summary>Workers are killed and frozen in the middle of a run: it goes on, and ends with the bits of the oracle.</summary>
public sealed class LossTests : IDisposable
{
    private const int Kill = 9, Stop = 19, Continue = 18;

    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData("global", 0)]
    [InlineData("global", 2)]
    [InlineData("shard", 1)]
    public async Task A_worker_that_is_killed_is_replaced_and_no_bit_changes(string batchNorm, int slot)
    {
        Recipe recipe = ClusterRuns.Recipe("epochs=9", $"batchNorm={batchNorm}");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "killed", workers: 3));
        await ClusterRuns.StepAsync(cluster, "killed", 20);
        await SignalAsync(cluster, $"a/{slot}", Kill);
        // First the survivors go on, then with the one that its silo has started anew.
        await ClusterRuns.GenerationAsync(cluster, "killed", 3);
        RunStatus end = await cluster.WaitAsync("killed");

        _runs.AssertSame(oracle, end);
        long[] generations = _runs.Generations("killed");
        Assert.Equal(generations.Order(), generations);
        Assert.Superset(new HashSet<long> { 1, 2, 3 }, generations.ToHashSet());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_worker_that_is_frozen_is_left_behind_and_changes_nothing_when_it_wakes(int slot)
    {
        Recipe recipe = ClusterRuns.Recipe("epochs=12");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "frozen", workers: 3));
        await ClusterRuns.StepAsync(cluster, "frozen", 20);
        await SignalAsync(cluster, $"a/{slot}", Stop);
        await ClusterRuns.GenerationAsync(cluster, "frozen", 2);
        Assert.Equal(RunState.Running, (await cluster.StatusAsync("frozen")).State);
        await SignalAsync(cluster, $"a/{slot}", Continue);
        await ClusterRuns.GenerationAsync(cluster, "frozen", 3);
        RunStatus end = await cluster.WaitAsync("frozen");

        _runs.AssertSame(oracle, end);
        long[] generations = _runs.Generations("frozen");
        Assert.Equal(generations.Order(), generations);
    }

    private static async Task SignalAsync(SpikeformerCluster cluster, string worker, int signal)
    {
        WorkerStatus status = (await cluster.WorkersAsync()).Single(one => one.Report.Info.Worker == worker);
        using Process kill = Process.Start("kill", [string.Create(CultureInfo.InvariantCulture, $"-{signal}"), $"{status.Report.Info.ProcessId}"]);
        await kill.WaitForExitAsync();
    }
}
