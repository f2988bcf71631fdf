using Spikeformer.Network;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

/// <summary>The parts of a training step after the gradients, in plain tensor arithmetic of any precision: for cases where the product has only
/// float32, or where a comparison must be independent of it.</summary>
internal static class Reference
{
    /// <summary>BatchNorm's running statistics after one training forward.</summary>
    public static void UpdateRunning(RunningStatistics running, IEnumerable<float> batchMean, IEnumerable<float> batchVariance) =>
        UpdateRunning(running, [.. batchMean.Select(value => (double)value)], [.. batchVariance.Select(value => (double)value)]);

    /// <summary>BatchNorm's running statistics after one training forward, from float64 statistics.</summary>
    public static void UpdateRunning(RunningStatistics running, double[] batchMean, double[] batchVariance)
    {
        running.Mean.copy_(running.Mean * 0.9 + tensor(batchMean) * 0.1);
        running.Variance.copy_(running.Variance * 0.9 + tensor(batchVariance) * 0.1);
        running.BatchCount++;
    }

    /// <summary>Adam with weight decay added to the gradient; updates the parameters from their own gradient.</summary>
    public sealed class Adam(ParameterSet parameters, double rate, double decay)
    {
        private Tensor _first = zeros_like(parameters.Values), _second = zeros_like(parameters.Values);
        private int _updates;

        public void Update()
        {
            using var noGrad = no_grad();
            _updates++;
            Tensor gradient = parameters.Gradient! + parameters.Values * decay;
            _first = _first * 0.9 + gradient * 0.1;
            _second = _second * 0.999 + gradient * gradient * 0.001;
            Tensor first = _first / (1 - Math.Pow(0.9, _updates)), second = _second / (1 - Math.Pow(0.999, _updates));
            parameters.Values.sub_(first / (second.sqrt() + 1e-8) * rate);
        }
    }

    /// <summary>SGD with momentum and weight decay added to the gradient.</summary>
    public sealed class Sgd(ParameterSet parameters, double rate, double momentum, double decay)
    {
        private Tensor _velocity = zeros_like(parameters.Values);

        public void Update()
        {
            using var noGrad = no_grad();
            _velocity = _velocity * momentum + parameters.Gradient! + parameters.Values * decay;
            parameters.Values.sub_(_velocity * rate);
        }
    }
}
