using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Runs that start with the weights of another run, in a later epoch.</summary>
public sealed class InitialWeightsTests : IDisposable
{
    private const int StepsPerEpoch = 22;

    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    /// <summary>One worker dies before the first checkpoint and reads the weights again. The other dies after the weights were removed.</summary>
    [Fact]
    public async Task A_run_from_a_checkpoint_keeps_the_bits_of_the_oracle_when_workers_die_and_when_the_checkpoint_is_gone()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=6");
        using SiloProcess silo = await _runs.StartAsync("a", workers: 2, failPoints: "a/1:compute@40=kill,a/0:compute@100=kill");
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        string source = await FirstAsync(cluster);
        OracleRun oracle = Oracle.Train(recipe, initFrom: source, startEpoch: 1);
        RunSpec spec = _runs.Spec(recipe, "second", workers: 2) with { InitFrom = source, StartEpoch = 1, MinWorkers = 2 };
        await cluster.StartAsync(spec);
        await ClusterRuns.AwaitStepAsync(cluster, "second", 2 * StepsPerEpoch + 2);
        await cluster.StopAsync("second");
        RunStatus stopped = await cluster.WaitAsync("second");
        Assert.True(stopped.State == RunState.Stopped, stopped.Failure?.Details ?? stopped.State.ToString());
        Assert.Equal(stopped.Outcome!.Step / StepsPerEpoch, stopped.Outcome.Epoch);
        Directory.Delete(source, recursive: true);
        await cluster.ResumeChangedAsync("second", RunChanges.None);
        RunStatus end = await cluster.WaitAsync("second");

        _runs.AssertSame(oracle, end);
        Assert.Equal(2, _runs.Events("second", "sealed").Length);
        Assert.Equal(Enumerable.Range(StepsPerEpoch + 1, oracle.Digests.Count), _runs.Steps("second").Select(line => line.GetProperty("step").GetInt32()));
        RunOrigin origin = new RunDirectory(spec.OutDirectory).ReadDescription().Origin!;
        Assert.Equal((Path.Combine(source, "checkpoints", $"step-{StepsPerEpoch}"), 1), (origin.Weights, origin.Epoch));
        Assert.Contains($"in epoch 1 with the weights of {origin.Weights}", Assert.Single(_runs.Events("second", "started")));
    }

    [Fact]
    public async Task Before_its_first_checkpoint_a_run_continues_only_with_its_initial_weights()
    {
        TestData.RequireExhaustive();
        Recipe recipe = ClusterRuns.Recipe("epochs=5");
        using SiloProcess silo = await _runs.StartAsync("a", workers: 2);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        string source = await FirstAsync(cluster), other = await FirstAsync(cluster, "seed=7"), given = source + "-given";
        Directory.Move(source, given);
        RunSpec spec = _runs.Spec(recipe, "second", workers: 2) with { InitFrom = given, StartEpoch = 1, CheckpointEvery = 1000 };
        await cluster.StartAsync(spec);
        await ClusterRuns.AwaitStepAsync(cluster, "second", StepsPerEpoch + 1);
        await cluster.CancelAsync("second");
        OracleRun oracle = Oracle.Train(recipe, initFrom: given, startEpoch: 1);

        Directory.Move(given, source);
        await ResumeAsync(cluster, "second");
        RunStatus missing = await cluster.WaitAsync("second");
        Assert.Equal((RunState.Failed, (int)ErrorKind.NotFound), (missing.State, missing.Failure?.ExitCode));
        Assert.Contains($"{given} contains no weights to start from", missing.Failure!.Message);

        Directory.Move(other, given);
        await ResumeAsync(cluster, "second");
        RunStatus changed = await cluster.WaitAsync("second");
        Assert.Equal((RunState.Failed, (int)ErrorKind.Conflict), (changed.State, changed.Failure?.ExitCode));
        Assert.Contains("initialWeights is ", changed.Failure!.Message);

        Directory.Delete(given, recursive: true);
        Directory.Move(source, given);
        await ResumeAsync(cluster, "second");
        _runs.AssertSame(oracle, await cluster.WaitAsync("second"));
    }

    [Fact]
    public async Task A_worker_that_lacks_the_first_step_receives_the_whole_state_and_not_only_that_step()
    {
        TestData.RequireExhaustive();
        // With a checkpoint at every step, the restarted worker does not read the weights and is one step behind.
        Recipe recipe = ClusterRuns.Recipe("epochs=2");
        using SiloProcess silo = await _runs.StartAsync("a", workers: 2, failPoints: $"a/1:compute@{StepsPerEpoch + 1}=kill");
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        string source = await FirstAsync(cluster);
        OracleRun oracle = Oracle.Train(recipe, initFrom: source, startEpoch: 1);
        await cluster.StartAsync(_runs.Spec(recipe, "second", workers: 2) with { InitFrom = source, StartEpoch = 1, CheckpointEvery = 1, MinWorkers = 2 });
        _runs.AssertSame(oracle, await cluster.WaitAsync("second"));
        Assert.Empty(_runs.Events("second", "mismatch"));
    }

    /// <summary>Resumes a failed run after it has released its workers. Otherwise the second worker's failure would be reported for the resumed run.</summary>
    private static async Task ResumeAsync(SpikeformerCluster cluster, string run)
    {
        await Eventually.HoldsAsync($"no workers of {run}", async () => (await cluster.StatusAsync(run)).Members.Count == 0);
        await cluster.ResumeChangedAsync(run, RunChanges.None);
    }

    /// <summary>Trains a run of one epoch.</summary>
    /// <returns>The run's directory.</returns>
    private async Task<string> FirstAsync(SpikeformerCluster cluster, params string[] changes)
    {
        string name = $"first{string.Concat(changes).Replace('=', '-')}";
        RunStatus end = await _runs.TrainAsync(cluster, ClusterRuns.Recipe(["epochs=1", .. changes]), name, workers: 2);
        Assert.True(end.State == RunState.Completed, end.Failure?.Details);
        return end.OutDirectory;
    }
}
