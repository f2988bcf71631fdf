using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Diagnostics;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Real silos and runs of one test in a temporary folder, and their comparison with the oracle.</summary>
internal sealed class ClusterRuns : IDisposable
{
    // 22 steps per epoch. The last one has 4 samples for 8 shards, so some workers own only empty shards.
    private static readonly string[] Synthetic =
    [
        "shards=8", "batch=16", "epochs=3", "data.trainSamples=340", "data.testSamples=22", "data.canvas=[16,16]", "model.width=32", "model.heads=2",
    ];

    private readonly TemporaryFolder _folder = new();

    /// <summary>Additional environment variables of the silos.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>The small recipe of these tests.</summary>
    public static Recipe Recipe(params string[] changes) => RecipeCatalogue.Load("demo", [.. Synthetic, .. changes]);

    /// <summary>A recipe for runs that are stopped at some step. The learning rate does not depend on the number of epochs.</summary>
    /// <param name="steps">Number of steps for an oracle; null for the run itself.</param>
    /// <param name="stepsPerEpoch">Number of steps per epoch.</param>
    public static Recipe EndlessRecipe(long? steps = null, int stepsPerEpoch = 22) => Recipe("schedule.0.kind=constant", $"data.trainSamples={16 * stepsPerEpoch - 12}",
        $"epochs={(steps is { } known ? (known + stepsPerEpoch - 1) / stepsPerEpoch : 100_000)}");

    /// <summary>A path in the folder of the test. A run's directory has the run's name.</summary>
    public string this[string name] => _folder[name];

    public void Dispose() => _folder.Dispose();

    /// <summary>Starts a silo with workers. Silos of one test share their state.</summary>
    public Task<SiloProcess> StartAsync(string name, int workers, string transport = "", string failPoints = "", int orphanGrace = 0) =>
        StartAsync(name, $"cpu:{workers}", transport, failPoints, orphanGrace);

    /// <summary>Starts a silo with a worker for each device.</summary>
    public Task<SiloProcess> StartAsync(string name, string devices, string transport = "", string failPoints = "", int orphanGrace = 0) => SiloProcess.StartAsync(
        new Dictionary<string, string>(Environment) { ["SPIKEFORMER_TRANSPORT"] = transport, [FailPoints.Variable] = failPoints, [FailPoints.FolderVariable] = _folder.Path },
        "--state", _folder["cluster"], "--name", name, "--devices", devices, "--orphan-grace", $"{orphanGrace}");

    public RunSpec Spec(Recipe recipe, string name, int workers) =>
        RunSpecs.Of(recipe) with { Name = name, OutDirectory = _folder[name], Workers = workers, StartGraceSeconds = 60 };

    public async Task<RunStatus> TrainAsync(SpikeformerCluster cluster, Recipe recipe, string name, int workers, string? data = null)
    {
        await cluster.StartAsync(Spec(recipe, name, workers) with { DataPath = data });
        return await cluster.WaitAsync(name);
    }

    /// <summary>Waits until a run has committed a step, or has ended.</summary>
    public static Task AwaitStepAsync(SpikeformerCluster cluster, string run, long step) => Eventually.HoldsAsync($"step {step} of {run}",
        async () => await cluster.StatusAsync(run) is { } status && (status.Step >= step || RunStates.IsOver(status.State)));

    /// <summary>Waits until a run has committed steps in a generation, or has ended.</summary>
    public static Task AwaitGenerationAsync(SpikeformerCluster cluster, string run, long number) => Eventually.HoldsAsync($"steps of generation {number}",
        async () => await cluster.StatusAsync(run) is { } status && (status.LastCommit?.Generation >= number || RunStates.IsOver(status.State)));

    /// <summary>Waits until all workers train together in the newest generation.</summary>
    public static Task AwaitFullGenerationAsync(SpikeformerCluster cluster, string run, int workers) => Eventually.HoldsAsync("a whole generation", async () =>
        await cluster.StatusAsync(run) is { } status && status.Members.Count(member => member.Rank is not null) == workers && status.LastCommit?.Generation == status.Generation);

    /// <summary>Asserts that the run is complete, and that every step, evaluation and weight equals the oracle's.</summary>
    public void AssertSame(OracleRun oracle, RunStatus end)
    {
        Assert.True(end.State == RunState.Completed, end.Failure?.Details ?? end.State.ToString());
        Assert.Equal(oracle.Digests, Steps(end.Run).Select(line => line.GetProperty("digest").GetString()!));
        Assert.Equal(oracle.Digests[^1], end.Outcome!.StepDigest);
        Assert.Equal(oracle.WeightsDigest, end.Outcome.WeightsDigest);
        Assert.Equal(oracle.Evaluations[^1].Accuracy, end.Outcome.TestAccuracy);
        Assert.Equal(oracle.Evaluations[^1].Loss, end.LastEpoch!.TestLoss);
        long[] events = [.. Lines(end.Run, "events.jsonl").Select(line => line.GetProperty("sequence").GetInt64())];
        Assert.Equal(events.Distinct().Order(), events);
        AssertCurves(oracle, new RunDirectory(_folder[end.Run]));
        AssertLedger(oracle, new RunDirectory(_folder[end.Run]));
    }

    /// <summary>Asserts that every sample of every epoch was committed once.</summary>
    private static void AssertLedger(OracleRun oracle, RunDirectory run)
    {
        if (run.ReadDescription().Checkpoints is not null) return; // in an object store, whose address only the silo knows
        ulong ledger = 0;
        for (int i = 0; i < oracle.Trainings.Count; i++) ledger += Ledger.Sum(oracle.StartEpoch + i, [.. Enumerable.Range(0, (int)oracle.Trainings[i].Samples)]);
        Assert.Equal($"{ledger:x16}", new CheckpointStore(run.CheckpointsFolder).ReadNewest().Checkpoint!.Info.LedgerDigest);
    }

    /// <summary>Asserts that table and TensorBoard show every epoch once, with the oracle's values.</summary>
    private static void AssertCurves(OracleRun oracle, RunDirectory run)
    {
        EpochTable table = EpochTable.Read(run.EpochsFile, int.MaxValue);
        Assert.Equal(Enumerable.Range(oracle.StartEpoch, oracle.Evaluations.Count), table.Epochs);
        Assert.Equal(oracle.Trainings.Select(train => (train.LossSum / train.Samples, train.StepLossSum / train.Steps, (double)train.Steps, train.LearningRate)),
            table.Epochs.Select(epoch => (table[epoch, "train_loss"], table[epoch, "train_loss_reference"], table[epoch, "iters_per_epoch"], table[epoch, "lr"])));
        Assert.Equal(oracle.Evaluations.Select(test => (test.Loss, 100 * test.Accuracy)), table.Epochs.Select(epoch => (table[epoch, "test_loss"], table[epoch, "test_acc1"])));
        Assert.Equal(oracle.Evaluations.Select(test => (float)test.Loss), EventFile.Curves(Path.Combine(run.TensorBoardFolder, "te"))["Test/test_loss"].Values);
        Assert.Equal(oracle.Trainings.Select(train => (float)(train.LossSum / train.Samples)),
            EventFile.Curves(Path.Combine(run.TensorBoardFolder, "train"))["Train/train_loss"].Values);
    }

    public JsonElement[] Steps(string run) => Lines(run, "steps.jsonl");

    public long[] Generations(string run) => [.. Steps(run).Select(line => line.GetProperty("generation").GetInt64())];

    /// <summary>Returns the messages of all events of a kind.</summary>
    public string[] Events(string run, string kind) =>
        [.. from line in Lines(run, "events.jsonl") where line.GetProperty("kind").GetString() == kind select line.GetProperty("message").GetString()!];

    /// <summary>Returns the lines of a file in the run's directory.</summary>
    public JsonElement[] Lines(string run, string file) => [.. File.ReadLines(Path.Combine(_folder[run], file)).Select(line => JsonDocument.Parse(line).RootElement)];
}
