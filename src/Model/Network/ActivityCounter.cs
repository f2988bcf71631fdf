using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>How active a layer was: averages over samples, time steps and positions.</summary>
/// <param name="Mean">Mean value. Of binary spikes the firing rate, spikes per neuron and time step, 0 to 1; of sums of spikes it may be above 1.</param>
/// <param name="NonZero">Share of values that are not 0.</param>
public readonly record struct Activity(double Mean, double NonZero);

/// <summary>Counts what a network's layers take in and put out, over any number of batches.</summary>
public sealed class ActivityCounter
{
    private readonly Dictionary<string, (double Sum, long NonZero, long Values)> _counts = [];

    /// <summary>Takes in a tensor of a forward pass; to be given to <see cref="SpikeformerNetwork.Evaluate"/>.</summary>
    public void See(string name, Tensor values)
    {
        using var scope = NewDisposeScope();
        (double sum, long nonZero, long count) = _counts.GetValueOrDefault(name);
        _counts[name] = (sum + values.sum(ScalarType.Float64).item<double>(), nonZero + values.count_nonzero().item<long>(), count + values.numel());
    }

    /// <summary>The average of all that was seen under a name.</summary>
    /// <exception cref="KeyNotFoundException">Nothing was.</exception>
    public Activity this[string name] => _counts[name] is var (sum, nonZero, values) ? new(sum / values, (double)nonZero / values) : default;
}
