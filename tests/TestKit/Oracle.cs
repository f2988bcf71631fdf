using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Spikeformer.Checkpoints;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.TestKit;

/// <summary>The result of an undisturbed run.</summary>
/// <param name="Digests">The digest of every trained step.</param>
/// <param name="WeightsDigest">SHA-256 of the state after the last step.</param>
/// <param name="Trainings">The sums of every epoch, without times.</param>
/// <param name="Evaluations">The evaluation after every epoch.</param>
/// <param name="StartEpoch">The first epoch that was trained completely or partly.</param>
public sealed record OracleRun(
    IReadOnlyList<string> Digests, string WeightsDigest, IReadOnlyList<EpochSums> Trainings, IReadOnlyList<EvaluationResult> Evaluations, int StartEpoch);

/// <summary>Trains a recipe in this process, with all shards on one thread: the simplest use of the engine, without cluster, files and checkpoints.
/// Every run of the recipe must give the same result, whatever happens to it.</summary>
public static class Oracle
{
    // Many tests compare with the same run, so results are kept.
    private static readonly ConcurrentDictionary<string, Lazy<OracleRun>> s_synthetic = [];

    /// <summary>Trains a recipe on synthetic data to its end, once per process.</summary>
    public static OracleRun Train(Recipe recipe) =>
        s_synthetic.GetOrAdd(Convert.ToHexString(RecipeWriter.ToCanonical(recipe)), _ => new(() => Train(recipe, dataPath: null))).Value;

    /// <summary>Trains a recipe to its end.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="dataPath">Folder of the data; null for synthetic data.</param>
    /// <param name="device">The device; null for the CPU.</param>
    /// <param name="initFrom">File with the initial weights; null to initialise them.</param>
    /// <param name="startEpoch">The first epoch.</param>
    /// <param name="checkpoint">The state to continue from; null to start before the first step.</param>
    public static OracleRun Train(
        Recipe recipe, string? dataPath = null, ComputeDevice? device = null, string? initFrom = null, int startEpoch = 0, Checkpoint? checkpoint = null)
    {
        OracleRun? result = null;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                LibTorch.UseOnThisThread(recipe.Threads);
                result = Run(recipe, dataPath, device, initFrom, startEpoch, checkpoint);
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        }, maxStackSize: 16 << 20);
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }

    private static unsafe OracleRun Run(Recipe recipe, string? dataPath, ComputeDevice? device, string? initFrom, int startEpoch, Checkpoint? checkpoint)
    {
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, dataPath, null);
        var network = new SpikeformerNetwork(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        var order = new EpochOrder(recipe.Seed, dataset.Count(Split.Train), recipe.Batch, recipe.Shards);
        using var state = new TrainingState(network, recipe, (long)order.StepsPerEpoch * startEpoch);
        if (initFrom is not null) state.RestoreNetwork(InitialWeights.Read(initFrom).For(network.Layout).ToDictionary(tensor => tensor.Name));
        var progress = new TrainingProgress();
        if (checkpoint is not null)
        {
            state.Restore(checkpoint);
            progress.Restore(checkpoint.Info.Metrics);
            startEpoch = progress.Epochs;
        }
        using var loader = new BatchLoader(dataset, Split.Train, order, recipe.Data.Augmentation == Augmentation.None ? null : recipe.Seed);
        using var engine = new ShardEngine(network, state.Parameters, recipe, device);
        int[] shards = [.. Enumerable.Range(0, recipe.Shards)];
        var digests = new List<string>();
        var trainings = new List<EpochSums>();
        var evaluations = new List<EvaluationResult>();
        EpochSums sums = progress.State.Sums with { Seconds = 0 };
        while (state.Step < (long)order.StepsPerEpoch * recipe.Epochs)
        {
            using (StepBatch batch = loader.Load(state.Step, shards))
            {
                int[] filled = [.. batch.Inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
                IReadOnlyList<StepVector> vectors = engine.Compute(batch.Identity with { LossScale = state.LossScale }, batch.Inputs, new LocalBatchNormCoupling(recipe.Shards, filled));
                SummationTree.FoldInPlace(SummationTree.Root(vectors.Count), vectors.Count, v => ((nint)vectors[v].Pointer, vectors[v].Values.NumberOfElements));
                CommittedStep step = state.Apply(batch.Plan, vectors[0]);
                digests.Add(step.Digest);
                sums = sums.Add(step, TimeSpan.Zero);
            }
            if (state.Step % order.StepsPerEpoch != 0) continue;
            trainings.Add(sums);
            evaluations.Add(Evaluation.Run(network, engine.CurrentWeights(), state.Running, dataset, Split.Test, recipe));
            sums = EpochSums.Zero;
        }
        return new(digests, TrainingState.WeightsDigest(state.Snapshot()), trainings, evaluations, startEpoch);
    }
}
