using Spikeformer.Data;
using Spikeformer.Network;
using static TorchSharp.torch;

namespace Spikeformer.Training;

/// <summary>The result of an evaluation.</summary>
/// <param name="Samples">The number of evaluated samples.</param>
/// <param name="Top1">The number of samples whose label had the largest logit.</param>
/// <param name="Top5">The number of samples whose label was among the five largest logits.</param>
/// <param name="LossSum">The sum over the samples of the cross-entropy without label smoothing, float64.</param>
/// <param name="LastBatchLossSum">The part of the sum that belongs to the last batch when the split is divided into batches of the recipe's size.</param>
public sealed record EvaluationResult(long Samples, long Top1, long Top5, double LossSum, double LastBatchLossSum)
{
    /// <summary>Top-1 accuracy, 0 to 1.</summary>
    public double Accuracy => Samples == 0 ? 0 : (double)Top1 / Samples;

    /// <summary>Top-5 accuracy, 0 to 1.</summary>
    public double Top5Accuracy => Samples == 0 ? 0 : (double)Top5 / Samples;

    /// <summary>The mean cross-entropy over the samples.</summary>
    public double Loss => Samples == 0 ? 0 : LossSum / Samples;

    /// <summary>Returns the loss as the authors average it: the mean of the batches' means, so a short last batch counts as much as a full one.</summary>
    /// <param name="batch">The recipe's batch size.</param>
    public double ReferenceLoss(int batch)
    {
        if (Samples == 0) return 0;
        long full = (Samples - 1) / batch, last = Samples - full * batch;
        return ((LossSum - LastBatchLossSum) / batch + LastBatchLossSum / last) / (full + 1);
    }

    /// <summary>Returns the result over two disjoint sets of samples: the operation of the summation tree.</summary>
    public static EvaluationResult Add(EvaluationResult left, EvaluationResult right) =>
        new(left.Samples + right.Samples, left.Top1 + right.Top1, left.Top5 + right.Top5, left.LossSum + right.LossSum, left.LastBatchLossSum + right.LastBatchLossSum);
}

/// <summary>Evaluates a network on a split, shard by shard in fixed batches. The result has the same bits for any number of workers.</summary>
public static class Evaluation
{
    /// <summary>Evaluates one shard. Changes neither weights nor statistics nor random streams.</summary>
    /// <param name="network">The network.</param>
    /// <param name="parameters">The weights; their device computes.</param>
    /// <param name="running">The running statistics, on any device.</param>
    /// <param name="loader">Loads the split according to <paramref name="plans"/>.</param>
    /// <param name="plans">The batches of the evaluation.</param>
    /// <param name="shard">The shard, 0 to V-1.</param>
    /// <param name="precision">The storage format of activations.</param>
    /// <param name="cancellation">Stops the evaluation between two batches.</param>
    /// <param name="details">Receives every batch; null for the result alone.</param>
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

    /// <summary>Evaluates all shards in this process and adds their results along the summation tree.</summary>
    /// <param name="network">The network.</param>
    /// <param name="parameters">The weights; their device computes.</param>
    /// <param name="running">The running statistics, on any device.</param>
    /// <param name="dataset">The data set.</param>
    /// <param name="split">The part to evaluate.</param>
    /// <param name="recipe">Provides V, the batch size, the precision, and whether test samples are augmented.</param>
    /// <param name="cancellation">Stops the evaluation between two batches.</param>
    /// <param name="details">Receives every batch; null for the result alone.</param>
    public static EvaluationResult Run(SpikeformerNetwork network, ParameterSet parameters, RunningStatistics running, IDataset dataset, Split split,
        Recipe recipe, CancellationToken cancellation = default, EvaluationDetails? details = null)
    {
        EvaluationPlans plans = Plans(dataset, split, recipe);
        using var loader = new BatchLoader(dataset, split, plans, recipe.Data.AugmentTest ? recipe.Seed : null);
        var parts = new EvaluationResult[recipe.Shards];
        for (int v = 0; v < parts.Length; v++) parts[v] = Shard(network, parameters, running, loader, plans, v, recipe.Precision, cancellation, details);
        return SummationTree.Fold(parts, EvaluationResult.Add)!;
    }

    /// <summary>Plans the fixed batches of an evaluation: each shard's slice of the split, in batches of at most <see cref="Recipe.Batch"/>.</summary>
    public static EvaluationPlans Plans(IDataset dataset, Split split, Recipe recipe) => new(dataset.Count(split), recipe.Shards, recipe.Batch);
}
