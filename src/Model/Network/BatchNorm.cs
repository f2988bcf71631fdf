using Spikeformer.Autograd;
using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>
/// BatchNorm over batch, time and space, epsilon 1e-5. In training a group of shards is normalised together by one multi-tensor node, with
/// the statistics of each shard or, coupled, of the whole global batch; in evaluation with the running statistics.
/// </summary>
/// <remarks>Statistics are float64 (n, mean, M2) merged along the summation tree, so they do not depend on how the shards are spread over
/// workers. Gradients of weight and bias stay per shard: their sum over the shards is the gradient of the global batch.</remarks>
internal sealed class BatchNorm
{
    public const double Epsilon = 1e-5;
    private readonly int _weight, _bias;
    private readonly BatchNormLayer _layer;

    public BatchNorm(StateLayout layout, string prefix, int channels)
    {
        _weight = layout.AddParameter(prefix + "weight", InitialValue.One, channels);
        _bias = layout.AddParameter(prefix + "bias", InitialValue.Zero, channels);
        _layer = layout.AddBatchNormStatistics(prefix, channels);
    }

    /// <summary>[T*B,C,H,W] of each shard to the same shapes.</summary>
    public Tensor[] Forward(ForwardPass pass, Tensor[] x_GCHW)
    {
        if (pass.Running is { } running)
        {
            ParameterSet p = pass.Parameters[0];
            using Tensor mean = running.Mean.narrow(0, _layer.Offset, _layer.Channels);
            using Tensor variance = running.Variance.narrow(0, _layer.Offset, _layer.Channels);
            return [nn.functional.batch_norm(x_GCHW[0], mean, variance, p[_weight], p[_bias], training: false, eps: Epsilon)];
        }
        Tensor[] weights = [.. pass.Parameters.Select(p => p[_weight])], biases = [.. pass.Parameters.Select(p => p[_bias])];
        return Node.Run(pass.Batch!, _layer, x_GCHW, weights, biases);
    }

    private sealed class Node : AutogradNode
    {
        private readonly BatchNormStatistics _statistics;
        private readonly BatchNormLayer _layer;
        private readonly Tensor[] _x, _weights;
        private readonly BatchMoments[] _moments;

        private Node(BatchNormStatistics statistics, BatchNormLayer layer, Tensor[] x, Tensor[] weights, BatchMoments[] moments)
        {
            (_statistics, _layer, _moments) = (statistics, layer, moments);
            _x = Array.ConvertAll(x, t => t.detach().DetachFromDisposeScope());
            _weights = Array.ConvertAll(weights, t => t.detach().DetachFromDisposeScope());
        }

        public static Tensor[] Run(BatchNormStatistics statistics, BatchNormLayer layer, Tensor[] x, Tensor[] weights, Tensor[] biases)
        {
            x = Array.ConvertAll(x, t => t.contiguous());
            using var noGrad = no_grad();
            BatchMoments[] moments = statistics.Merge(layer, Array.ConvertAll(x, BatchNormMath.Moments));
            var y = new Tensor[x.Length];
            for (int s = 0; s < y.Length; s++)
            {
                statistics.Record(layer, s, moments[s]);
                ChannelNorm norm = ChannelNorm.Of(moments[s], weights[s]);
                y[s] = BatchNormMath.ScaleAndShift(x[s], norm.Scale, norm.Shift(BatchNormMath.Values(biases[s])));
            }
            var node = new Node(statistics, layer, x, weights, moments);
            using var grad = enable_grad();
            return node.Connect([.. x, .. weights, .. biases], y);
        }

        /// <summary>dx = (dy - mean(dy) - (x - mean(x)) r mean(dy xhat)) w r, with means over everything that shares the statistics;
        /// xhat = (x - mean) r.</summary>
        protected override void Backward(ReadOnlySpan<Tensor?> outputGradients, Span<Tensor?> inputGradients)
        {
            using var noGrad = no_grad();
            int shards = _x.Length;
            var dy = new Tensor[shards];
            for (int s = 0; s < shards; s++) dy[s] = outputGradients[s]?.contiguous() ?? zeros_like(_x[s]);
            var norms = new ChannelNorm[shards];
            var own = new GradientSums[shards];
            for (int s = 0; s < shards; s++)
            {
                norms[s] = ChannelNorm.Of(_moments[s], _weights[s]);
                own[s] = BatchNormMath.Sums(dy[s], _x[s], _moments[s].Mean, norms[s].InverseDeviation);
            }
            GradientSums[] all = _statistics.Merge(_layer, own);
            for (int s = 0; s < shards; s++)
            {
                inputGradients[s] = BatchNormMath.InputGradient(dy[s], _x[s], norms[s].Gradient(all[s], _moments[s].Count));
                inputGradients[shards + s] = tensor(own[s].Normalised, _x[s].dtype, _x[s].device);
                inputGradients[2 * shards + s] = tensor(own[s].Plain, _x[s].dtype, _x[s].device);
            }
        }

        protected override void Release()
        {
            foreach (Tensor t in _x) t.Dispose();
            foreach (Tensor t in _weights) t.Dispose();
        }
    }
}
