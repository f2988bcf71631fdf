using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.TestKit.ObjectStore;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Real silos and workers with checkpoints in a local imitation of S3.</summary>
public sealed class ObjectStoreTests : IDisposable
{
    private readonly LocalS3 _store = new();
    private readonly ClusterRuns _runs;

    public ObjectStoreTests() => _runs = new() { Environment = new Dictionary<string, string>(_store.Environment) { ["Spikeformer__Checkpoints"] = "s3://checkpoints/runs" } };

    public void Dispose()
    {
        _runs.Dispose();
        _store.Dispose();
    }

    [Fact]
    public async Task A_run_is_resumed_from_the_store_and_a_store_that_refuses_is_reported_and_changes_no_bit()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=9");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 2);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "stored", workers: 2) with { CheckpointEvery = 10 });
        await ClusterRuns.AwaitStepAsync(cluster, "stored", 25);
        await cluster.StopAsync("stored");
        RunStatus stopped = await cluster.WaitAsync("stored");
        Assert.Equal(RunState.Stopped, stopped.State);
        Assert.Equal($"s3://checkpoints/runs/stored/step-{stopped.Outcome!.Step}", stopped.Outcome.Checkpoint);
        Assert.Contains($"runs/stored/step-{stopped.Outcome.Step}/manifest.json", _store.Keys);
        Assert.False(Directory.Exists(Path.Combine(_runs["stored"], "checkpoints")));

        await cluster.ResumeAsync("stored");
        await ClusterRuns.AwaitStepAsync(cluster, "stored", stopped.Outcome.Step + 1);
        _store.Fault = request => request.IsChange ? S3Fault.Forbidden : S3Fault.None;
        await Eventually.HoldsAsync("a failed save", () => _runs.Events("stored", "checkpointFailed").Length > 0);
        _store.Fault = null;
        RunStatus end = await cluster.WaitAsync("stored");
        _runs.AssertSame(oracle, end);
        Assert.Equal([$"Resumed from checkpoint step-{stopped.Outcome.Step}"], _runs.Events("stored", "resumed").Where(message => message.StartsWith("Resumed from", StringComparison.Ordinal)));
        Assert.Contains("no access to s3://checkpoints/runs/stored", _runs.Events("stored", "checkpointFailed")[0]);

        // The run directory contains the address of the checkpoints. The environment only contains the settings of the store.
        string directory = _runs["stored"];
        JsonElement list = ProgramProcess.Cli(_store.Environment, "checkpoint", "list", "--out", directory)[0];
        Assert.Equal(end.Outcome!.Step, list.GetProperty("checkpoints")[0].GetProperty("step").GetInt64());
        JsonElement verified = ProgramProcess.Cli(_store.Environment, "checkpoint", "verify", "--out", directory)[0];
        Assert.All(verified.GetProperty("checkpoints").EnumerateArray(), checkpoint => Assert.True(checkpoint.GetProperty("sound").GetBoolean()));
        foreach (string verb in (string[])["pin", "unpin"])
        {
            ProgramProcess.Cli(_store.Environment, "checkpoint", verb, "--out", directory, "--step", $"{end.Outcome.Step}");
            list = ProgramProcess.Cli(_store.Environment, "checkpoint", "list", "--out", directory)[0];
            Assert.Equal(verb == "pin", list.GetProperty("checkpoints")[0].GetProperty("isPinned").GetBoolean());
        }
        string file = Path.Combine(directory, "model.safetensors");
        ProgramProcess.Cli(_store.Environment, "export", "--out", directory, file);
        Assert.True(new FileInfo(file).Length > 1000);
    }

    [Fact]
    public async Task A_run_without_access_to_its_place_fails_before_its_first_step_and_says_why()
    {
        _store.Fault = _ => S3Fault.Forbidden;
        using SiloProcess silo = await _runs.StartAsync("a", workers: 1);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(ClusterRuns.Recipe(), "refused", workers: 1) with { Checkpoints = "s3://checkpoints/mine" });
        RunStatus end = await cluster.WaitAsync("refused");
        Assert.Equal((RunState.Failed, 0L), (end.State, end.Step));
        Assert.StartsWith("Cannot store checkpoints in s3://checkpoints/mine: no access to s3://checkpoints/mine", end.Failure!.Message);
    }
}
