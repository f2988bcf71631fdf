using Spikeformer.Data;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using static TorchSharp.torch;

namespace Spikeformer.Training;

/// <summary>What an evaluation found.</summary>
/// <param name="Samples">Samples evaluated.</param>
/// <param name="Top1">Samples whose label had the largest logit.</param>
/// <param name="Top5">Samples whose label was among the five largest.</param>
/// <param name="LossSum">Sum over the samples of the plain cross-entropy (no smoothing), float64.</param>
/// <param name="LastBatchLossSum">The part of it of the last batch, when the split is cut into batches of the recipe's size.</param>
public sealed record EvaluationResult(long Samples, long Top1, long Top5, double LossSum, double LastBatchLossSum)
{
    /// <summary>Top-1 accuracy, 0 to 1.</summary>
    public double Accuracy => Samples == 0 ? 0 : (double)Top1 / Samples;

    /// <summary>Top-5 accuracy, 0 to 1.</summary>
    public double Top5Accuracy => Samples == 0 ? 0 : (double)Top5 / Samples;

    /// <summary>Mean cross-entropy.</summary>
    public double Loss => Samples == 0 ? 0 : LossSum / Samples;

    /// <summary>The loss as the authors average it: the mean of the means of the batches, in which a short last batch counts as much as a full one.</summary>
    /// <param name="batch">The recipe's batch.</param>
    public double ReferenceLoss(int batch)
    {
        if (Samples == 0) return 0;
        long full = (Samples - 1) / batch, last = Samples - full * batch;
        return ((LossSum - LastBatchLossSum) / batch + LastBatchLossSum / last) / (full + 1);
    }

    /// <summary>The result over two disjoint sets of samples; the operation of the summation tree.</summary>
    public static EvaluationResult Add(EvaluationResult left, EvaluationResult right) =>
        new(left.Samples + right.Samples, left.Top1 + right.Top1, left.Top5 + right.Top5, left.LossSum + right.LossSum, left.LastBatchLossSum + right.LastBatchLossSum);
}

/// <summary>Evaluates a network on a split, shard by shard in fixed batches, so that the result has the same bits for any number of workers.</summary>
public static class Evaluation
{
    /// <summary>One shard's part. Changes neither weights nor statistics nor any random stream.</summary>
    /// <param name="network">The network.</param>
    /// <param name="parameters">Its weights; where they are it is computed.</param>
    /// <param name="running">Its running statistics.</param>
    /// <param name="loader">Loads the split by <see cref="EvaluationPlans"/>.</param>
    /// <param name="plans">The loader's plans.</param>
    /// <param name="shard">v.</param>
    /// <param name="precision">How activations are stored.</param>
    /// <param name="cancellation">Ends the evaluation between two batches.</param>
    /// <param name="details">Sees every batch; null for the figures alone.</param>
    public static EvaluationResult Shard(SpikeformerNetwork network, ParameterSet parameters, RunningStatistics running, BatchLoader loader,
        EvaluationPlans plans, int shard, Precision precision, CancellationToken cancellation = default, EvaluationDetails? details = null)
    {
        var total = new EvaluationResult(0, 0, 0, 0, 0);
        for (long piece = 0; piece < plans.Steps; piece++)
        {
            cancellation.ThrowIfCancellationRequested();
            using StepBatch batch = loader.Load(piece, [shard]);
            ShardInput input = batch.Inputs[0];
            if (input.Samples.Length == 0) continue;
            using Tensor x = input.X_BTCHW!.to(parameters.Values.device);
            using Tensor computed = network.Evaluate(parameters, running, x, precision, details is null ? null : details.Activity.Add), logits = computed.cpu();
            (int top1, int top5) = Loss.Correct(logits, input.Y_B!);
            double[] losses = Loss.PerSample(logits, input.Y_B!);
            double ofLastBatch = losses.Where((_, i) => input.Samples[i] >= plans.LastBatchStart).Sum();
            total = EvaluationResult.Add(total, new(input.Samples.Length, top1, top5, losses.Sum(), ofLastBatch));
            details?.Count(logits, input.Y_B!);
        }
        return total;
    }

    /// <summary>All shards in this process, added along the summation tree.</summary>
    /// <param name="network">The network.</param>
    /// <param name="parameters">Its weights.</param>
    /// <param name="running">Its running statistics.</param>
    /// <param name="dataset">The data.</param>
    /// <param name="split">The part to evaluate.</param>
    /// <param name="recipe">Gives V, the batch, the precision, and whether test samples are augmented.</param>
    /// <param name="cancellation">Ends the evaluation between two batches.</param>
    /// <param name="details">Sees every batch; null for the figures alone.</param>
    public static EvaluationResult Run(SpikeformerNetwork network, ParameterSet parameters, RunningStatistics running, IDataset dataset, Split split,
        Recipe recipe, CancellationToken cancellation = default, EvaluationDetails? details = null)
    {
        EvaluationPlans plans = Plans(dataset, split, recipe);
        using var loader = new BatchLoader(dataset, split, plans, recipe.Data.AugmentTest ? recipe.Seed : null);
        var parts = new EvaluationResult[recipe.Shards];
        for (int v = 0; v < parts.Length; v++) parts[v] = Shard(network, parameters, running, loader, plans, v, recipe.Precision, cancellation, details);
        return SummationTree.Fold(parts, EvaluationResult.Add)!;
    }

    /// <summary>The fixed batches of an evaluation: each shard's slice of the split in batches of at most <see cref="Recipe.Batch"/>.</summary>
    public static EvaluationPlans Plans(IDataset dataset, Split split, Recipe recipe) => new(dataset.Count(split), recipe.Shards, recipe.Batch);
}
