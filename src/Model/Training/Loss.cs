using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Training;

/// <summary>Label-smoothed cross-entropy, and the counts for the accuracy.</summary>
public static class Loss
{
    /// <summary>Returns a shard's part of the global batch's mean loss: the sum over the shard's samples of (1-s) (-log p_y) + s mean_c(-log p_c),
    /// divided by the number of samples of the global batch, so that nothing must be rescaled after the reduction.</summary>
    /// <param name="logits">The logits, float32 or float64 [B, classes].</param>
    /// <param name="labels">The labels, int64 [B], 0 to classes-1.</param>
    /// <param name="smoothing">The label smoothing s, 0 to 1.</param>
    /// <param name="globalSamples">The number of samples of the step over all shards.</param>
    /// <returns>A differentiable scalar of the type of the logits. The caller disposes it.</returns>
    public static Tensor Smoothed(Tensor logits, Tensor labels, double smoothing, long globalSamples)
    {
        using var scope = NewDisposeScope();
        Tensor logProbabilities = logits.log_softmax(1);
        Tensor hard = logProbabilities.gather(1, labels.unsqueeze(1)).sum();
        using Scalar hardShare = ((smoothing - 1) / globalSamples).ToScalar(), evenShare = (-smoothing / globalSamples / logits.shape[1]).ToScalar();
        Tensor loss = hard.mul(hardShare);
        if (smoothing != 0) loss = loss.add(logProbabilities.sum(), evenShare);
        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>Returns each sample's cross-entropy in float64, without smoothing or division.</summary>
    /// <param name="logits">The logits, [B, classes].</param>
    /// <param name="labels">The labels, int64 [B].</param>
    public static double[] PerSample(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return logits.to(ScalarType.Float64).log_softmax(1).gather(1, labels.unsqueeze(1)).squeeze(1).neg().cpu().data<double>().ToArray();
    }

    /// <summary>Counts the labels with the largest logit, and the labels among the five largest logits.</summary>
    /// <remarks>A label's rank is the number of larger logits, plus the number of equal ones with a smaller class index; NaN counts as larger.</remarks>
    /// <param name="logits">The logits, [B, classes].</param>
    /// <param name="labels">The labels, int64 [B].</param>
    public static (int Top1, int Top5) Correct(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        float[] values = logits.detach().to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
        long[] classes = labels.cpu().data<long>().ToArray();
        int width = (int)logits.shape[1], top1 = 0, top5 = 0;
        for (int b = 0; b < classes.Length; b++)
        {
            ReadOnlySpan<float> row = values.AsSpan(b * width, width);
            int label = (int)classes[b], rank = 0;
            for (int c = 0; c < width; c++)
                if (!(row[c] <= row[label]) || (row[c] == row[label] && c < label))
                    rank += c == label ? width : 1;
            if (rank == 0) top1++;
            if (rank < 5) top5++;
        }
        return (top1, top5);
    }
}
