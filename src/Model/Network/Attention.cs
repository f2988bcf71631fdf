using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>Multi-head softmax attention over the middle axis; the same module serves time and space. No neuron inside.</summary>
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

    /// <summary>[G,L,E] to [G,L,E]: each of G groups attends over its L tokens.</summary>
    public Tensor Forward(ParameterSet parameters, Tensor x_GLE)
    {
        (long groups, long length, long width) = (x_GLE.shape[0], x_GLE.shape[1], x_GLE.shape[2]);
        Tensor qkv_3GMLD = _qkv.Forward(parameters, x_GLE).view(groups, length, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4);
        (Tensor q, Tensor k, Tensor v) = (qkv_3GMLD.select(0, 0), qkv_3GMLD.select(0, 1), qkv_3GMLD.select(0, 2));
        Tensor weights_GMLL = matmul(q, k.transpose(-2, -1)).mul(_scale).softmax(-1);
        Tensor mixed_GLE = matmul(weights_GMLL, v).transpose(1, 2).reshape(groups, length, width);
        return _projection.Forward(parameters, mixed_GLE);
    }
}
