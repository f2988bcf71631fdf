using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Workers that an operator takes out of service.</summary>
public sealed class DrainTests : IDisposable
{
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_drained_worker_hands_its_shards_over_exits_and_stays_out_until_that_is_undone()
    {
        using SiloProcess silo = await _runs.StartAsync("a", workers: 2);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        string[] option = ["--cluster", silo.Endpoints.Gateway];
        await cluster.StartAsync(_runs.Spec(ClusterRuns.EndlessRecipe(), "kept", workers: 2));
        await ClusterRuns.AwaitFullGenerationAsync(cluster, "kept", 2);
        int process = (await cluster.WorkerAsync("a/1")).Report.Info.ProcessId;

        JsonElement drained = ProgramProcess.Cli(["drain", "a/1", "--wait", .. option])[0];
        Assert.Equal(("a/1", "drained"), (drained.GetProperty("worker").GetString(), drained.GetProperty("state").GetString()));
        Assert.False(Directory.Exists($"/proc/{process}"), "the worker's process has not exited");
        await ClusterRuns.AwaitStepAsync(cluster, "kept", (await cluster.StatusAsync("kept")).Step + 50);
        WorkerReport report = (await cluster.WorkerAsync("a/1")).Report;
        Assert.Equal((WorkerPhase.Drained, process), (report.Phase, report.Info.ProcessId));
        RunStatus alone = await cluster.StatusAsync("kept");
        Assert.Equal([("a/0", 0, 8)], alone.Members.Select(member => (member.Worker, member.FirstShard, member.EndShard)));
        Assert.Equal("drained", ProgramProcess.Cli(["drain", "a/1", .. option])[0].GetProperty("state").GetString());

        Assert.Equal("inService", ProgramProcess.Cli(["drain", "a/1", "--undo", .. option])[0].GetProperty("state").GetString());
        await ClusterRuns.AwaitFullGenerationAsync(cluster, "kept", 2);
        Assert.NotEqual(process, (await cluster.WorkerAsync("a/1")).Report.Info.ProcessId);
        await cluster.StopAsync("kept");
        RunStatus end = await cluster.WaitAsync("kept");
        Assert.Equal(RunState.Stopped, end.State);
        Assert.Empty(_runs.Events("kept", "sealed"));
        OracleRun oracle = Oracle.Train(ClusterRuns.EndlessRecipe(end.Step));
        Assert.Equal(oracle.Digests.Take((int)end.Step), _runs.Steps("kept").Select(line => line.GetProperty("digest").GetString()!));

        silo.Signal(WorkerSignals.Terminate);
        Assert.Matches($@"Worker a/1 \(process {process}\) ended with exit code 0 and is drained", silo.Finish().Error);
    }

    [Fact]
    public async Task A_worker_that_does_not_exist_cannot_be_drained_and_the_others_are_named()
    {
        using SiloProcess silo = await _runs.StartAsync("a", workers: 2);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await Eventually.HoldsAsync("both workers", async () => (await cluster.WorkersAsync()).Count == 2);
        foreach (string undo in (string[])["--wait", "--undo"])
        {
            using ProgramProcess cli = ProgramProcess.StartCli("drain", "b/0", undo, "--cluster", silo.Endpoints.Gateway);
            (int exitCode, string output, string error) = cli.FinishAnyhow();
            Assert.Equal((3, ""), (exitCode, output));
            Assert.Contains("There is no worker b/0 in this cluster. Name one of a/0, a/1.", error);
        }
    }

    [Fact]
    public async Task An_idle_worker_that_is_drained_gets_no_run()
    {
        using SiloProcess silo = await _runs.StartAsync("a", workers: 1);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await Eventually.HoldsAsync("the worker", async () => (await cluster.WorkersAsync()).Count == 1);
        await cluster.DrainAsync("a/0");
        await cluster.WaitDrainedAsync("a/0");
        await cluster.StartAsync(_runs.Spec(ClusterRuns.Recipe("epochs=1"), "idle", workers: 0));
        Assert.Equal("0 of 1 worker ready", (await cluster.StatusAsync("idle")).WaitingFor);
        await cluster.UndrainAsync("a/0");
        Assert.Equal(RunState.Completed, (await cluster.WaitAsync("idle")).State);
    }
}
