using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>
/// Spike-element-wise residual block: two convolution units plus a shortcut, added after both have fired, so PLIF outputs are small
/// integers. The shortcut is the identity, or average pooling and a 1x1 unit where the stride or the channels change.
/// </summary>
/// <remarks>Fang et al., "Deep Residual Learning in Spiking Neural Networks" (SEW-ResNet), ADD variant.</remarks>
internal sealed class SewBlock
{
    private readonly ConvUnit _first, _second;
    private readonly ConvUnit? _shortcut;
    private readonly int _stride;

    public SewBlock(StateLayout layout, string prefix, int inputs, int outputs, int kernel, int stride, Neurons.NeuronOptions neuron)
    {
        _stride = stride;
        _first = new ConvUnit(layout, prefix + "residual_function.0.", inputs, outputs, kernel, stride, neuron);
        _second = new ConvUnit(layout, prefix + "residual_function.1.", outputs, outputs, kernel, 1, neuron);
        if (stride != 1 || inputs != outputs) _shortcut = new ConvUnit(layout, prefix + "shortcut.1.", inputs, outputs, 1, 1, neuron);
    }

    /// <summary>[T,B,C,H,W] of each shard to [T,B,C',H/stride,W/stride].</summary>
    public Tensor[] Forward(ForwardPass pass, Tensor[] x_TBCHW)
    {
        Tensor[] residual = _second.Forward(pass, _first.Forward(pass, x_TBCHW));
        Tensor[] shortcut = _shortcut is null ? x_TBCHW : _shortcut.Forward(pass, Array.ConvertAll(x_TBCHW, Pool));
        return [.. residual.Zip(shortcut, (r, s) => r.add(s, Constants.One))];
    }

    private Tensor Pool(Tensor x_TBCHW)
    {
        if (_stride == 1) return x_TBCHW;
        using Tensor flat = x_TBCHW.flatten(0, 1);
        Tensor pooled = nn.functional.avg_pool2d(flat, _stride, _stride);
        long[] size = pooled.shape;
        return pooled.view(x_TBCHW.shape[0], x_TBCHW.shape[1], size[1], size[2], size[3]);
    }
}
