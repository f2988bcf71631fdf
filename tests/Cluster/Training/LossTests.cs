using System.Text.RegularExpressions;
using Spikeformer.Checkpoints;
using Spikeformer.Client;
using Spikeformer.Cluster.Metrics;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Workers are killed and frozen in the middle of a run: it goes on, and ends with the bits of the oracle.</summary>
public sealed class LossTests : IDisposable
{
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    /// <summary>Who is frozen, and for how many seconds more once the others have gone on.</summary>
    public static TheoryData<int, int> Freezes => TestData.IsExhaustive ? new() { { 0, 0 }, { 1, 0 }, { 1, 30 } } : new() { { 0, 0 } };

    /// <summary>Workers, and which of them flips a bit.</summary>
    public static TheoryData<int, int> Flips => TestData.IsExhaustive ? new() { { 3, 1 }, { 2, 0 } } : new() { { 3, 1 } };

    /// <summary>Where a computation hangs, and the BatchNorm mode.</summary>
    public static TheoryData<string, string> Hangs => TestData.IsExhaustive ? new() { { "compute", "shard" }, { "couple", "global" } } : new() { { "couple", "global" } };

    /// <summary>BatchNorm mode, and who is killed.</summary>
    public static TheoryData<string, int> Kills => TestData.IsExhaustive ? new() { { "global", 0 }, { "shard", 1 } } : new() { { "global", 0 } };

    /// <summary>Where SIGTERM reaches workers.</summary>
    public static TheoryData<string> Leaves =>
        TestData.IsExhaustive ? ["a/1:evaluate@22=term", "a/0:save@*=term,a/2:couple@30=term"] : ["a/0:save@*=term,a/2:couple@30=term"];

    /// <summary>BatchNorm mode and places; in the exhaustive form all of them.</summary>
    public static TheoryData<string, string> Deaths
    {
        get
        {
            (string BatchNorm, string FailPoints, bool IsChosen)[] all =
            [
                ("global", "a/1:compute@12=kill", false),
                ("global", "a/1:couple@12=kill", true),
                ("shard", "a/2:reduce@12=kill", false),
                ("shard", "a/0:gather@12=kill", false),
                ("global", "a/1:apply@12=kill", false),
                ("global", "a/0:applied@12=kill", false),
                ("global", "a/2:evaluate@22=kill", false),
                ("shard", "a/0:save@*=kill,a/1:save@*=kill,a/2:save@*=kill", true),
                ("shard", "a/1:slice@*=kill", false),
                ("global", "a/1:couple@12=kill,a/2:couple@12=kill", false),
                ("shard", "a/1:compute@12=kill,a/2:apply@13=kill", false),
                ("shard", "a/1:compute@12=kill,a/0:lend@*=kill", false),
                ("shard", "a/1:compute@12=kill,a/2:lendSlice@*=kill", false),
            ];
            return [.. all.Where(one => one.IsChosen || TestData.IsExhaustive).Select(one => (one.BatchNorm, one.FailPoints))];
        }
    }

    [Theory]
    [MemberData(nameof(Kills))]
    public async Task A_worker_that_is_killed_is_replaced_and_no_bit_changes(string batchNorm, int slot)
    {
        Recipe recipe = ClusterRuns.Recipe("epochs=9", $"batchNorm={batchNorm}");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "killed", workers: 3));
        await ClusterRuns.StepAsync(cluster, "killed", 20);
        await WorkerSignals.SendAsync(cluster, $"a/{slot}", WorkerSignals.Kill);
        // First the survivors go on, then with the one that its silo has started anew.
        await ClusterRuns.GenerationAsync(cluster, "killed", 3);
        RunStatus end = await cluster.WaitAsync("killed");

        _runs.AssertSame(oracle, end);
        long[] generations = _runs.Generations("killed");
        Assert.Equal(generations.Order(), generations);
        Assert.Superset(new HashSet<long> { 1, 2, 3 }, generations.ToHashSet());
    }

    [Theory]
    [MemberData(nameof(Freezes))]
    public async Task A_worker_that_is_frozen_is_left_behind_and_changes_nothing_when_it_wakes(int slot, int seconds)
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe($"epochs={12 + 2 * seconds}");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "frozen", workers: 3));
        await ClusterRuns.StepAsync(cluster, "frozen", 20);
        int process = await WorkerSignals.SendAsync(cluster, $"a/{slot}", WorkerSignals.Stop);
        await ClusterRuns.GenerationAsync(cluster, "frozen", 2);
        Assert.Equal(RunState.Running, (await cluster.StatusAsync("frozen")).State);
        await Task.Delay(TimeSpan.FromSeconds(seconds), TestContext.Current.CancellationToken);
        WorkerSignals.Send(process, WorkerSignals.Continue);
        await ClusterRuns.GenerationAsync(cluster, "frozen", 3);
        RunStatus end = await cluster.WaitAsync("frozen");

        _runs.AssertSame(oracle, end);
        long[] generations = _runs.Generations("frozen");
        Assert.Equal(generations.Order(), generations);
    }

    /// <summary>The lead has the lock of the run directory when it freezes, and all others die: who starts anew goes on from the last checkpoint without
    /// it, and the logs are whole in the end.</summary>
    [Fact]
    public async Task A_frozen_lead_that_is_the_only_one_left_keeps_nobody_from_going_on()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=12");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "alone", workers: 3));
        await ClusterRuns.StepAsync(cluster, "alone", 40);
        RunStatus before = await cluster.StatusAsync("alone");
        string lead = before.Members.Single(member => member.Rank == 0).Worker;
        int frozen = await WorkerSignals.SendAsync(cluster, lead, WorkerSignals.Stop);
        foreach (string other in before.Members.Select(member => member.Worker).Where(worker => worker != lead))
            await WorkerSignals.SendAsync(cluster, other, WorkerSignals.Kill);
        await ClusterRuns.GenerationAsync(cluster, "alone", before.Generation + 1);
        Assert.Equal(RunState.Running, (await cluster.StatusAsync("alone")).State);
        WorkerSignals.Send(frozen, WorkerSignals.Continue);
        _runs.AssertSame(oracle, await cluster.WaitAsync("alone"));
    }

    /// <summary>Only a former lead of this start of the run is gone past so: whoever else has the directory may be training in it.</summary>
    [Fact]
    public async Task A_resume_is_refused_while_a_stranger_has_the_run_directory()
    {
        using SiloProcess silo = await _runs.StartAsync("a", workers: 1);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(ClusterRuns.EndlessRecipe(), "taken", workers: 1));
        await ClusterRuns.StepAsync(cluster, "taken", 3);
        await cluster.StopAsync("taken");
        RunStatus stopped = await cluster.WaitAsync("taken");
        using RunLock held = RunLock.Acquire(_runs.Directory("taken"));
        await cluster.ResumeAsync("taken");
        RunStatus end = await cluster.WaitAsync("taken");
        Assert.Equal((RunState.Failed, (int)ErrorKind.Conflict), (end.State, end.Failure?.ExitCode));
        Assert.Contains($"is in use by process {Environment.ProcessId}", end.Failure!.Message);
        Assert.Equal(stopped.Step, _runs.Steps("taken").Length);
    }

    /// <summary>All have computed the step when one dies on the way into the all-reduce; the others bring what they have, and compute what it owned.</summary>
    [Fact]
    public async Task What_survivors_have_computed_is_not_computed_again()
    {
        TestData.RequireLong();
        await TrainAsync("kept", "a/2:reduce@17=kill", "epochs=2", "batchNorm=shard");
        string aligned = _runs.Events("kept", "aligned").Single(message => message.StartsWith("Generation 2 ", StringComparison.Ordinal));
        Assert.Matches("^Generation 2 continues at step 17 with 2 workers; [56] of 8 shards of that step are already computed$", aligned);
    }

    /// <summary>The lead seals its generation when the step is reduced and not yet applied; the others have applied it. The log has that step's line
    /// although its keeper missed it.</summary>
    [Fact]
    public async Task Who_missed_the_end_of_a_step_gets_its_reduced_vector()
    {
        TestData.RequireLong();
        await TrainAsync("missed", "a/0:apply@17=fault,a/1:apply@31=fault", "epochs=2");
        // When one leaves the all-reduce, a second may be as far behind, and catches up too.
        string[] workers = [.. _runs.Lines("missed", "events.jsonl").Where(line => line.GetProperty("kind").GetString() == "caughtUp").Select(line => line.GetProperty("worker").GetString()!)];
        Assert.Superset(new HashSet<string> { "a/0", "a/1" }, workers.ToHashSet());
    }

    /// <summary>The process lives, beats and reports, but its computation does not come on: its peers see that, and it ends itself.</summary>
    [Theory]
    [MemberData(nameof(Hangs))]
    public async Task A_worker_whose_computation_hangs_is_replaced_and_no_bit_changes(string place, string batchNorm)
    {
        TestData.RequireLong();
        await TrainAsync("hung", $"a/1:{place}@33=hang", "epochs=2", $"batchNorm={batchNorm}");
        Assert.Contains(_runs.Events("hung", "sealed"), message => message.Contains("(a/1) is alive, but its computation is stuck", StringComparison.Ordinal));
    }

    /// <summary>With three workers the odd one can be named, with two nobody knows which it is; the state is that of the last checkpoint again.</summary>
    [Theory]
    [MemberData(nameof(Flips))]
    public async Task A_flipped_bit_is_found_and_what_it_touched_is_computed_again(int workers, int slot)
    {
        TestData.RequireLong();
        await TrainAsync("flipped", workers, $"a/{slot}:applied@55=fault", "epochs=5");
        Assert.NotEmpty(_runs.Events("flipped", "mismatch"));
    }

    /// <summary>SIGTERM reaches a worker somewhere: it votes until the others have changed over, and ends without an error.</summary>
    [Theory]
    [MemberData(nameof(Leaves))]
    public async Task Who_is_asked_to_end_leaves_in_order_wherever_it_is(string failPoints)
    {
        TestData.RequireLong();
        string log = await TrainAsync("leaving", failPoints, "epochs=4");
        Assert.Empty(_runs.Events("leaving", "sealed"));
        Assert.True(_runs.Generations("leaving").Distinct().Count() > 1, "nobody left");
        string[] ends = [.. Regex.Matches(log, @"ended with exit code (\d+)").Select(match => match.Groups[1].Value)];
        Assert.Equal(failPoints.Split(',').Select(_ => "0"), ends);
    }

    /// <summary>Two follow as spares; the only voter dies in the second epoch, whose predecessor they have not evaluated. What came of it they have heard.</summary>
    [Fact]
    public async Task A_spare_that_has_only_followed_goes_on_with_all_curves_when_the_only_voter_dies()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=9");
        OracleRun oracle = Oracle.Train(recipe);
        // Long after they began to follow: else the run goes on from its last checkpoint.
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3, failPoints: "a/0:compute@140=kill");
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        RunStatus end = await _runs.TrainAsync(cluster, recipe, "spare", workers: 1);
        _runs.AssertSame(oracle, end);
    }

    /// <summary>Workers die at every place of a step, one or two at once, and between steps.</summary>
    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task A_death_at_any_place_changes_no_bit(string batchNorm, string failPoints)
    {
        TestData.RequireLong();
        await TrainAsync("dying", failPoints, "epochs=2", $"batchNorm={batchNorm}");
        long[] generations = _runs.Generations("dying");
        Assert.Equal(generations.Order(), generations);
        Assert.True(generations[^1] > 1, "nobody died");
    }

    /// <summary>Nobody is left who holds the run's state: it goes on from the newest checkpoint, and what is computed again is counted once.</summary>
    [Fact]
    public async Task Workers_that_all_die_at_once_cost_the_steps_since_the_newest_checkpoint_and_no_more()
    {
        TestData.RequireLong();
        const int workers = 3, every = 16;
        var random = new Random(9);
        using SiloProcess silo = await _runs.StartAsync("a", workers);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(ClusterRuns.EndlessRecipe(), "razed", workers) with { CheckpointEvery = every });
        var checkpoints = new CheckpointStore(new RunDirectory(_runs.Directory("razed")).CheckpointsFolder);
        for (int death = 0; death < (TestData.IsExhaustive ? 30 : 2); death++)
        {
            await ClusterRuns.WholeAsync(cluster, "razed", workers);
            await ClusterRuns.StepAsync(cluster, "razed", (await cluster.StatusAsync("razed")).Step + random.Next(every, 3 * every));
            int[] processes = [.. (await cluster.WorkersAsync()).Select(worker => worker.Report.Info.ProcessId)];
            Assert.Equal(workers, processes.Length);
            foreach (int process in processes) WorkerSignals.Send(process, WorkerSignals.Kill);
            (long saved, int logged) = (checkpoints.ReadNewest().Checkpoint!.Info.Step, _runs.Lines("razed", "events.jsonl").Length);
            long reached = _runs.Steps("razed")[^1].GetProperty("step").GetInt64();
            // A save goes on in the background while the next steps are computed, on a slow disk for longer.
            Assert.InRange(reached - saved, 0, 4 * every);
            TestContext.Current.TestOutputHelper!.WriteLine($"{reached - saved} steps to compute again");
            await Eventually.HoldsAsync("a generation that has aligned", () => Aligned(logged).Length > 0);
            Assert.StartsWith($"continues at step {saved} ", Aligned(logged)[0]);
            await ClusterRuns.StepAsync(cluster, "razed", reached + 1);
        }
        await cluster.StopAsync("razed");
        RunStatus end = await cluster.WaitAsync("razed");

        OracleRun oracle = Oracle.Train(ClusterRuns.EndlessRecipe(end.Step));
        Assert.Equal(oracle.Digests.Take((int)end.Step), _runs.Steps("razed").Select(line => line.GetProperty("digest").GetString()!));
        Assert.Equal([end.Step], (await Scrape.OfAsync(silo)).Values("spikeformer_steps_total"));

        string[] Aligned(int after) => [.. from line in _runs.Lines("razed", "events.jsonl").Skip(after)
                                           where line.GetProperty("kind").GetString() == "aligned"
                                           select Regex.Replace(line.GetProperty("message").GetString()!, @"^Generation \d+ ", "")];
    }

    private Task<string> TrainAsync(string run, string failPoints, params string[] changes) => TrainAsync(run, 3, failPoints, changes);

    /// <summary>Trains with the workers of one silo until the bits are the oracle's.</summary>
    /// <returns>What the silo said.</returns>
    private async Task<string> TrainAsync(string run, int workers, string failPoints, params string[] changes)
    {
        Recipe recipe = ClusterRuns.Recipe(changes);
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers, failPoints: failPoints);
        await using (SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway))
            _runs.AssertSame(oracle, await _runs.TrainAsync(cluster, recipe, run, workers));
        silo.Kill();
        return silo.Finish().Error;
    }
}
