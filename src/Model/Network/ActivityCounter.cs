using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>The activity of a layer, averaged over samples, time steps and positions.</summary>
/// <param name="Mean">The mean value. For binary spikes it is the firing rate, 0 to 1 spikes per neuron and time step. For sums of spikes it may be
/// above 1.</param>
/// <param name="NonZero">The share of values that are not 0, 0 to 1.</param>
public readonly record struct Activity(double Mean, double NonZero);

/// <summary>Measures the inputs and outputs of a network's layers over any number of batches. Not thread-safe.</summary>
public sealed class ActivityCounter
{
    private readonly Dictionary<string, (double Sum, long NonZero, long Values)> _counts = [];

    /// <summary>Adds a tensor of a forward pass. Pass this method to <see cref="SpikeformerNetwork.Evaluate"/> as its observer.</summary>
    /// <param name="name">The name of the layer's input or output.</param>
    /// <param name="values">The tensor, of any shape, type and device; not kept.</param>
    public void Add(string name, Tensor values)
    {
        using var scope = NewDisposeScope();
        (double sum, long nonZero, long count) = _counts.GetValueOrDefault(name);
        _counts[name] = (sum + values.sum(ScalarType.Float64).item<double>(), nonZero + values.count_nonzero().item<long>(), count + values.numel());
    }

    /// <summary>The average activity of all tensors added under a name.</summary>
    /// <exception cref="KeyNotFoundException">No tensor was added under this name.</exception>
    public Activity this[string name] => _counts[name] is var (sum, nonZero, values) ? new(sum / values, (double)nonZero / values) : default;
}
