using Spikeformer.Autograd;
using Spikeformer.Neurons;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>BatchNorm over batch, time and space (epsilon 1e-5), then a layer of neurons. In training, one multi-tensor node normalises a group of shards, with
/// the statistics of each shard or, if coupled, of the whole global batch. An evaluation uses the running statistics.</summary>
/// <remarks>With a single node, the normalised currents are never written to memory: an element moves 12 bytes instead of 20 forward, and 24 instead of 32
/// backward. Statistics are float64 (n, mean, M2) and merged along the summation tree, so they do not depend on the distribution of the shards over workers.
/// Each shard keeps its own gradients of weight and bias; their sum over the shards is the gradient of the global batch.</remarks>
internal sealed class SpikingNorm
{
    private readonly int _weight, _bias, _w;
    private readonly BatchNormLayer _layer;
    private readonly NeuronOptions _neuron;

    public SpikingNorm(StateLayout layout, string normPrefix, string neuronPrefix, int channels, NeuronOptions neuron)
    {
        _neuron = neuron;
        _weight = layout.AddParameter(normPrefix + "weight", InitialValue.One, channels);
        _bias = layout.AddParameter(normPrefix + "bias", InitialValue.Zero, channels);
        _layer = layout.AddBatchNormStatistics(normPrefix, channels);
        _w = neuron.IsParametric ? layout.AddParameter(neuronPrefix + "w", InitialValue.NeuronDecay) : -1;
    }

    /// <summary>Maps the currents [T,B,H,W,C] of each shard to outputs of the same shape and type.</summary>
    /// <param name="pass">Parameters and statistics.</param>
    /// <param name="x_TBHWC">Currents, contiguous.</param>
    /// <param name="addends_TBHWC">Added to the outputs of each shard, for the sum of a residual block; null for none.</param>
    public Tensor[] Forward(ForwardPass pass, Tensor[] x_TBHWC, Tensor[]? addends_TBHWC)
    {
        ShardParameters[] values = [.. pass.Parameters.Select(set => Own(set.OnHost))];
        if (pass.Running is not { } running)
            return Node.Run(pass.Batch!, _layer, _neuron, x_TBHWC, [.. pass.Parameters.Select(Own)], values, addends_TBHWC);

        using Tensor mean = running.Mean.narrow(0, _layer.Offset, _layer.Channels), variance = running.Variance.narrow(0, _layer.Offset, _layer.Channels);
        var norm = new ChannelNorm(TensorMemory.Values(mean), TensorMemory.Values(variance), values[0].Weight);
        return [SpikingNormMath.Forward(x_TBHWC[0], norm.Affine(values[0].Bias), values[0].Decay(_neuron), _neuron, addends_TBHWC?[0])];
    }

    private ShardParameters Own(ParameterSet p) => new(p[_weight], p[_bias], _w < 0 ? null : p[_w]);

    /// <summary>The weight and bias of the norm, and the neurons' learnable decay W, or null for a fixed decay.</summary>
    private readonly record struct ShardParameters(Tensor Weight, Tensor Bias, Tensor? W)
    {
        public double Decay(NeuronOptions options) => MultiStepNeuron.Decay(W, options);
    }

    private sealed class Node : AutogradNode
    {
        private readonly BatchNormStatistics _statistics;
        private readonly BatchNormLayer _layer;
        private readonly NeuronOptions _neuron;
        private readonly Tensor[] _x;
        private readonly ChannelNorm[] _norms;
        private readonly ChannelAffine[] _affines;
        private readonly double[] _decays;
        private readonly bool _hasAddends;

        private Node(BatchNormStatistics statistics, BatchNormLayer layer, NeuronOptions neuron, Tensor[] x,
            ChannelNorm[] norms, ChannelAffine[] affines, double[] decays, bool hasAddends)
        {
            (_statistics, _layer, _neuron, _norms, _affines, _decays, _hasAddends) = (statistics, layer, neuron, norms, affines, decays, hasAddends);
            _x = Array.ConvertAll(x, t => t.detach().DetachFromDisposeScope());
        }

        public static Tensor[] Run(BatchNormStatistics statistics, BatchNormLayer layer, NeuronOptions neuron, Tensor[] x,
            ShardParameters[] parameters, ShardParameters[] values, Tensor[]? addends)
        {
            int shards = x.Length;
            var norms = new ChannelNorm[shards];
            var affines = new ChannelAffine[shards];
            double[] decays = Array.ConvertAll(values, p => p.Decay(neuron));
            var y = new Tensor[shards];
            using (no_grad())
            {
                BatchMoments[] moments = statistics.Merge(layer, Array.ConvertAll(x, SpikingNormMath.Moments));
                for (int s = 0; s < shards; s++)
                {
                    statistics.Record(layer, s, moments[s]);
                    norms[s] = new ChannelNorm(moments[s], values[s].Weight);
                    affines[s] = norms[s].Affine(values[s].Bias);
                    y[s] = SpikingNormMath.Forward(x[s], affines[s], decays[s], neuron, addends?[s]);
                }
            }
            var node = new Node(statistics, layer, neuron, x, norms, affines, decays, addends is not null);
            IEnumerable<Tensor> inputs = x.Concat(parameters.Select(p => p.Weight)).Concat(parameters.Select(p => p.Bias));
            if (neuron.IsParametric) inputs = inputs.Concat(parameters.Select(p => p.W!));
            if (addends is not null) inputs = inputs.Concat(addends);
            return node.Connect([.. inputs], y);
        }

        /// <summary>Back through the neurons gives g = dL/dnormalised. Then dx = (g - mean(g) - (x - mean(x)) r mean(g xhat)) weight r, with
        /// xhat = (x - mean) r and means over all shards that share the statistics.</summary>
        protected override void Backward(ReadOnlySpan<Tensor?> outputGradients, Span<Tensor?> inputGradients)
        {
            using var noGrad = no_grad();
            int shards = _x.Length;
            var gradients = new Tensor[shards];
            var own = new GradientSums[shards];
            for (int s = 0; s < shards; s++)
            {
                Tensor x = _x[s], dy = outputGradients[s]?.contiguous() ?? zeros_like(x);
                (gradients[s], own[s], double dw) = SpikingNormMath.Backward(x, dy, _norms[s], _affines[s], _decays[s], _neuron);
                inputGradients[shards + s] = tensor(own[s].Normalised, _norms[s].DType, x.device);
                inputGradients[2 * shards + s] = tensor(own[s].Plain, _norms[s].DType, x.device);
                if (_neuron.IsParametric) inputGradients[3 * shards + s] = tensor(dw, _norms[s].DType, x.device);
                if (_hasAddends) inputGradients[inputGradients.Length - shards + s] = dy.alias();
            }
            GradientSums[] all = _statistics.Merge(_layer, own);
            for (int s = 0; s < shards; s++)
                inputGradients[s] = SpikingNormMath.InputGradient(gradients[s], _x[s], _norms[s].Gradient(all[s]));
        }

        protected override void Release()
        {
            foreach (Tensor t in _x) t.Dispose();
        }
    }
}
