using Spikeformer.Network;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

/// <summary>BatchNorm's running statistics after one training forward, written out here so that the comparison does not lean on the product.</summary>
internal static class BatchNormUpdate
{
    public static void Apply(RunningStatistics running, float[] batchMean, float[] batchVariance) =>
        Apply(running, Array.ConvertAll(batchMean, value => (double)value), Array.ConvertAll(batchVariance, value => (double)value));

    public static void Apply(RunningStatistics running, double[] batchMean, double[] batchVariance)
    {
        running.Mean.copy_(running.Mean * 0.9 + tensor(batchMean) * 0.1);
        running.Variance.copy_(running.Variance * 0.9 + tensor(batchVariance) * 0.1);
        running.BatchCount++;
    }
}
