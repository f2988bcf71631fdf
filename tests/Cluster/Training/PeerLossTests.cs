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

/// <summary>Workers are killed and frozen during a run. It continues and ends with the bits of the oracle.</summary>
public sealed class PeerLossTests : IDisposable
{
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    /// <summary>The frozen worker's slot, and how many seconds longer it stays frozen after the others have continued.</summary>
    public static TheoryData<int, int> Freezes => TestData.IsExhaustive ? new() { { 0, 0 }, { 1, 0 }, { 1, 30 } } : new() { { 0, 0 } };

    /// <summary>Number of workers, and the slot of the one that flips a bit.</summary>
    public static TheoryData<int, int> Flips => TestData.IsExhaustive ? new() { { 3, 1 }, { 2, 0 } } : new() { { 3, 1 } };

    /// <summary>Place where a computation hangs, and BatchNorm mode.</summary>
    public static TheoryData<string, string> Hangs => TestData.IsExhaustive ? new() { { "compute", "shard" }, { "couple", "global" } } : new() { { "couple", "global" } };

    /// <summary>BatchNorm mode, and the killed worker's slot.</summary>
    public static TheoryData<string, int> Kills => TestData.IsExhaustive ? new() { { "global", 0 }, { "shard", 1 } } : new() { { "global", 0 } };

    /// <summary>Places where SIGTERM reaches workers.</summary>
    public static TheoryData<string> Leaves =>
        TestData.IsExhaustive ? ["a/1:evaluate@22=term", "a/0:save@*=term,a/2:couple@30=term"] : ["a/0:save@*=term,a/2:couple@30=term"];

    /// <summary>BatchNorm mode and places of deaths; all of them only in an exhaustive run.</summary>
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
    public async Task A_killed_worker_is_replaced_and_no_bit_changes(string batchNorm, int slot)
    {
        Recipe recipe = ClusterRuns.Recipe("epochs=9", $"batchNorm={batchNorm}");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "killed", workers: 3));
        await ClusterRuns.AwaitStepAsync(cluster, "killed", 20);
        await WorkerSignals.SendAsync(cluster, $"a/{slot}", WorkerSignals.Kill);
        // Generation 2 consists of the survivors, generation 3 also of the worker that its silo has restarted.
        await ClusterRuns.AwaitGenerationAsync(cluster, "killed", 3);
        RunStatus end = await cluster.WaitAsync("killed");

        _runs.AssertSame(oracle, end);
        long[] generations = _runs.Generations("killed");
        Assert.Equal(generations.Order(), generations);
        Assert.Superset(new HashSet<long> { 1, 2, 3 }, generations.ToHashSet());
    }

    [Theory]
    [MemberData(nameof(Freezes))]
    public async Task A_frozen_worker_is_left_out_and_changes_nothing_when_it_wakes(int slot, int seconds)
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe($"epochs={12 + 2 * seconds}");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "frozen", workers: 3));
        await ClusterRuns.AwaitStepAsync(cluster, "frozen", 20);
        int process = await WorkerSignals.SendAsync(cluster, $"a/{slot}", WorkerSignals.Stop);
        await ClusterRuns.AwaitGenerationAsync(cluster, "frozen", 2);
        Assert.Equal(RunState.Running, (await cluster.StatusAsync("frozen")).State);
        await Task.Delay(TimeSpan.FromSeconds(seconds), TestContext.Current.CancellationToken);
        WorkerSignals.Send(process, WorkerSignals.Continue);
        await ClusterRuns.AwaitGenerationAsync(cluster, "frozen", 3);
        RunStatus end = await cluster.WaitAsync("frozen");

        _runs.AssertSame(oracle, end);
        long[] generations = _runs.Generations("frozen");
        Assert.Equal(generations.Order(), generations);
    }

    /// <summary>The lead freezes with the lock of the run directory, and all others die. The restarted workers continue from the last checkpoint without the
    /// lock, and the logs are complete in the end.</summary>
    [Fact]
    public async Task New_workers_continue_while_the_only_survivor_is_a_frozen_lead()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=12");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "alone", workers: 3));
        await ClusterRuns.AwaitStepAsync(cluster, "alone", 40);
        RunStatus before = await cluster.StatusAsync("alone");
        string lead = before.Members.Single(member => member.Rank == 0).Worker;
        int frozen = await WorkerSignals.SendAsync(cluster, lead, WorkerSignals.Stop);
        foreach (string other in before.Members.Select(member => member.Worker).Where(worker => worker != lead))
            await WorkerSignals.SendAsync(cluster, other, WorkerSignals.Kill);
        await ClusterRuns.AwaitGenerationAsync(cluster, "alone", before.Generation + 1);
        Assert.Equal(RunState.Running, (await cluster.StatusAsync("alone")).State);
        WorkerSignals.Send(frozen, WorkerSignals.Continue);
        _runs.AssertSame(oracle, await cluster.WaitAsync("alone"));
    }

    /// <summary>The lock may be ignored only if its holder is a former lead of the same start of the run. Any other holder may be training in the
    /// directory.</summary>
    [Fact]
    public async Task A_resume_is_refused_while_a_stranger_has_the_run_directory()
    {
        using SiloProcess silo = await _runs.StartAsync("a", workers: 1);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(ClusterRuns.EndlessRecipe(), "taken", workers: 1));
        await ClusterRuns.AwaitStepAsync(cluster, "taken", 3);
        await cluster.StopAsync("taken");
        RunStatus stopped = await cluster.WaitAsync("taken");
        // The lead keeps the directory for a moment after the stop is told, since it still writes the last events.
        await Eventually.HoldsAsync("a released run directory", () => !RunLock.IsHeld(_runs["taken"]));
        using RunLock held = RunLock.Acquire(_runs["taken"]);
        await cluster.ResumeAsync("taken");
        RunStatus end = await cluster.WaitAsync("taken");
        Assert.Equal((RunState.Failed, (int)ErrorKind.Conflict), (end.State, end.Failure?.ExitCode));
        Assert.Contains($"is in use by process {Environment.ProcessId}", end.Failure!.Message);
        Assert.Equal(stopped.Step, _runs.Steps("taken").Length);
    }

    /// <summary>All workers have computed the step when one dies before the all-reduce. The others contribute their partial sums and compute only its
    /// shards.</summary>
    [Fact]
    public async Task Partial_sums_of_survivors_are_not_computed_again()
    {
        TestData.RequireLong();
        await TrainAsync("kept", "a/2:reduce@17=kill", "epochs=2", "batchNorm=shard");
        string aligned = _runs.Events("kept", "aligned").Single(message => message.StartsWith("Generation 2 ", StringComparison.Ordinal));
        Assert.Matches("^Generation 2 continues at step 17 with 2 workers; [56] of 8 shards of that step are already computed$", aligned);
    }

    /// <summary>The lead seals its generation when it has reduced the step but not applied it. The others have applied it. The log has the step's line although
    /// the lead, which writes the log, missed the step.</summary>
    [Fact]
    public async Task A_member_that_missed_the_end_of_a_step_gets_its_reduced_vector()
    {
        TestData.RequireLong();
        await TrainAsync("missed", "a/0:apply@17=fault,a/1:apply@31=fault", "epochs=2");
        // When one worker leaves the all-reduce, a second one may also miss the step, and catches up too.
        string[] workers = [.. _runs.Lines("missed", "events.jsonl").Where(line => line.GetProperty("kind").GetString() == "caughtUp").Select(line => line.GetProperty("worker").GetString()!)];
        Assert.Superset(new HashSet<string> { "a/0", "a/1" }, workers.ToHashSet());
    }

    /// <summary>The process is alive and sends heartbeats and reports, but its computation is stuck. Its peers notice that, and it ends itself.</summary>
    [Theory]
    [MemberData(nameof(Hangs))]
    public async Task A_worker_whose_computation_hangs_is_replaced_and_no_bit_changes(string place, string batchNorm)
    {
        TestData.RequireLong();
        await TrainAsync("hung", $"a/1:{place}@33=hang", "epochs=2", $"batchNorm={batchNorm}");
        Assert.Contains(_runs.Events("hung", "sealed"), message => message.Contains("(a/1) is alive, but its computation is stuck", StringComparison.Ordinal));
    }

    /// <summary>With three workers the wrong one can be named; with two nobody knows which it is. All return to the state of the last checkpoint.</summary>
    [Theory]
    [MemberData(nameof(Flips))]
    public async Task A_flipped_bit_is_detected_and_the_affected_steps_are_computed_again(int workers, int slot)
    {
        TestData.RequireLong();
        await TrainAsync("flipped", workers, $"a/{slot}:applied@55=fault", "epochs=5");
        Assert.NotEmpty(_runs.Events("flipped", "mismatch"));
    }

    /// <summary>SIGTERM reaches a worker at some place. It votes until the others have formed the next generation, and ends without an error.</summary>
    [Theory]
    [MemberData(nameof(Leaves))]
    public async Task A_worker_that_is_asked_to_end_leaves_in_good_order_at_any_place(string failPoints)
    {
        TestData.RequireLong();
        string log = await TrainAsync("leaving", failPoints, "epochs=4");
        Assert.Empty(_runs.Events("leaving", "sealed"));
        Assert.True(_runs.Generations("leaving").Distinct().Count() > 1, "nobody left");
        string[] ends = [.. Regex.Matches(log, @"ended with exit code (\d+)").Select(match => match.Groups[1].Value)];
        Assert.Equal(failPoints.Split(',').Select(_ => "0"), ends);
    }

    /// <summary>Two workers follow as spares. The only voter dies in a later epoch. The spares have not evaluated the earlier epochs, but have received the
    /// results.</summary>
    [Fact]
    public async Task A_spare_continues_with_all_curves_when_the_only_voter_dies()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=9");
        OracleRun oracle = Oracle.Train(recipe);
        // Late enough for the spares to follow; otherwise the run continues from its last checkpoint.
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3, failPoints: "a/0:compute@140=kill");
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        RunStatus end = await _runs.TrainAsync(cluster, recipe, "spare", workers: 1);
        _runs.AssertSame(oracle, end);
    }

    /// <summary>Workers die at every place of a step and between steps, one or two at a time.</summary>
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

    /// <summary>No worker is left that holds the run's state. It continues from the newest checkpoint, and repeated steps are counted once.</summary>
    [Fact]
    public async Task When_all_workers_die_at_once_only_the_steps_since_the_newest_checkpoint_are_lost()
    {
        TestData.RequireLong();
        const int workers = 3, every = 16;
        var random = new Random(9);
        using SiloProcess silo = await _runs.StartAsync("a", workers);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(ClusterRuns.EndlessRecipe(), "razed", workers) with { CheckpointEvery = every });
        var checkpoints = new CheckpointStore(new RunDirectory(_runs["razed"]).CheckpointsFolder);
        for (int death = 0; death < (TestData.IsExhaustive ? 30 : 2); death++)
        {
            await ClusterRuns.AwaitFullGenerationAsync(cluster, "razed", workers);
            await ClusterRuns.AwaitStepAsync(cluster, "razed", (await cluster.StatusAsync("razed")).Step + random.Next(every, 3 * every));
            int[] processes = [.. (await cluster.WorkersAsync()).Select(worker => worker.Report.Info.ProcessId)];
            Assert.Equal(workers, processes.Length);
            foreach (int process in processes) WorkerSignals.Send(process, WorkerSignals.Kill);
            (long saved, int logged) = (checkpoints.ReadNewest().Checkpoint!.Info.Step, _runs.Lines("razed", "events.jsonl").Length);
            long reached = _runs.Steps("razed")[^1].GetProperty("step").GetInt64();
            // A save runs in the background while the next steps are computed, and takes longer on a slow disk.
            Assert.InRange(reached - saved, 0, 4 * every);
            TestContext.Current.TestOutputHelper!.WriteLine($"{reached - saved} steps to compute again");
            await Eventually.HoldsAsync("a generation that has aligned", () => Aligned(logged).Length > 0);
            Assert.StartsWith($"continues at step {saved} ", Aligned(logged)[0]);
            await ClusterRuns.AwaitStepAsync(cluster, "razed", reached + 1);
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

    /// <summary>Trains with the workers of one silo and compares the bits with the oracle's.</summary>
    /// <returns>The silo's log.</returns>
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
