using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>The running statistics of all BatchNorm layers, flat, in layer order.</summary>
public sealed class RunningStatistics : IDisposable
{
    /// <summary>The momentum of the authors' BatchNorm layers: the weight of a new batch.</summary>
    public const double Momentum = 0.1;

    /// <summary>Creates the statistics of a new network in the authors' code: its constructor runs a blank image through the tokenizer, which
    /// leaves mean 0, variance 0.9 and a batch count of 1.</summary>
    /// <param name="layout">The BatchNorm layers.</param>
    /// <param name="dtype">float32 or float64.</param>
    /// <param name="device">The device; null is the CPU.</param>
    public RunningStatistics(StateLayout layout, ScalarType dtype = ScalarType.Float32, Device? device = null)
    {
        Mean = zeros(layout.StatisticsCount, dtype, device ?? CPU).DetachFromDisposeScope();
        Variance = full(layout.StatisticsCount, 0.9, dtype, device ?? CPU).DetachFromDisposeScope();
    }

    /// <summary>The running means, [channels of all layers]. Disposed with the statistics.</summary>
    public Tensor Mean { get; }

    /// <summary>The running unbiased variances, [channels of all layers]. Disposed with the statistics.</summary>
    public Tensor Variance { get; }

    /// <summary>The number of training batches so far; the same for every layer.</summary>
    public long BatchCount { get; set; } = 1;

    /// <summary>Restores the statistics of a new network.</summary>
    public void Reset()
    {
        Mean.zero_();
        Variance.fill_(0.9);
        BatchCount = 1;
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Mean.Dispose();
        Variance.Dispose();
    }
}
