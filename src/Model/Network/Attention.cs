using Spikeformer.Autograd;
using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>Multi-head softmax attention over the middle axis, without neurons. The same module serves time and space.</summary>
internal sealed class Attention
{
    private readonly Linear _qkv, _projection;
    private readonly int _heads;
    private readonly Scalar _scale;

    public Attention(StateLayout layout, string prefix, int width, int heads)
    {
        _heads = heads;
        _scale = Math.Pow(width / heads, -0.5).ToScalar();
        _qkv = new Linear(layout, prefix + "qkv.", width, 3 * width, bias: false);
        _projection = new Linear(layout, prefix + "proj.", width, width);
    }

    /// <summary>Maps [G,L,E] to [G,L,E]: each of the G groups attends over its L tokens.</summary>
    public Tensor Forward(ParameterSet parameters, Tensor x_GLE)
    {
        Tensor qkv_GLC = _qkv.Forward(parameters, x_GLE);
        return _projection.Forward(parameters, AttentionKernels.CanRun(qkv_GLC) ? Node.Run(qkv_GLC, _heads) : Attend(qkv_GLC));
    }

    /// <summary>Computes attention in libtorch operations, for any device and type; also the oracle of the kernels.</summary>
    private Tensor Attend(Tensor qkv_GLC)
    {
        (long groups, long length, long width) = (qkv_GLC.shape[0], qkv_GLC.shape[1], qkv_GLC.shape[2] / 3);
        Tensor qkv_3GMLD = qkv_GLC.view(groups, length, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4);
        // The gradient of unbind is a single stack; each select would fill a whole tensor with zeros.
        Tensor[] parts = qkv_3GMLD.unbind(0);
        (Tensor q, Tensor k, Tensor v) = (parts[0], parts[1], parts[2]);
        Tensor weights_GMLL = matmul(q, k.transpose(-2, -1)).mul(_scale).softmax(-1);
        return matmul(weights_GMLL, v).transpose(1, 2).reshape(groups, length, width);
    }

    private sealed class Node : AutogradNode
    {
        private readonly Tensor _qkv;
        private readonly int _heads;

        private Node(Tensor qkv, int heads) => (_qkv, _heads) = (qkv.detach().DetachFromDisposeScope(), heads);

        public static Tensor Run(Tensor qkv_GLC, int heads)
        {
            Tensor y_GLE;
            qkv_GLC = qkv_GLC.contiguous();
            using (no_grad())
            {
                y_GLE = empty([qkv_GLC.shape[0], qkv_GLC.shape[1], qkv_GLC.shape[2] / 3], qkv_GLC.dtype);
                AttentionKernels.Forward(qkv_GLC, y_GLE, heads);
            }
            return new Node(qkv_GLC, heads).Connect([qkv_GLC], [y_GLE])[0];
        }

        protected override void Backward(ReadOnlySpan<Tensor?> outputGradients, Span<Tensor?> inputGradients)
        {
            if (outputGradients[0] is not { } dy) return;
            using var noGrad = no_grad();
            Tensor dqkv = empty_like(_qkv);
            AttentionKernels.Backward(_qkv, dy.contiguous(), dqkv, _heads);
            inputGradients[0] = dqkv;
        }

        protected override void Release() => _qkv.Dispose();
    }
}
