using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>The running statistics of all BatchNorm layers, flat, in layer order.</summary>
public sealed class RunningStatistics : IDisposable
{
    /// <summary>Momentum of the authors' BatchNorm layers: the share of a new batch.</summary>
    public const double Momentum = 0.1;

    /// <summary>Statistics as a fresh network of the authors' has them: building it runs one blank image through the tokenizer, which leaves
    /// mean 0, variance 0.9 and a batch count of 1.</summary>
    public RunningStatistics(StateLayout layout, ScalarType dtype = ScalarType.Float32, Device? device = null)
    {
        Mean = zeros(layout.StatisticsCount, dtype, device ?? CPU).DetachFromDisposeScope();
        Variance = full(layout.StatisticsCount, 0.9, dtype, device ?? CPU).DetachFromDisposeScope();
    }

    /// <summary>Running means, [channels of all layers].</summary>
    public Tensor Mean { get; }

    /// <summary>Running unbiased variances, [channels of all layers].</summary>
    public Tensor Variance { get; }

    /// <summary>Training batches seen; the same for every layer.</summary>
    public long BatchCount { get; set; } = 1;

    /// <summary>Back to those of a fresh network.</summary>
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
