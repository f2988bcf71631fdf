using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>A spike-element-wise (SEW) residual block: two convolution units plus a shortcut. The two branches are added after their neurons, so PLIF outputs
/// are small integers. The shortcut is the identity, or average pooling and a 1x1 unit where the stride or the channels change.</summary>
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

    /// <summary>Maps [T,B,H,W,C] of each shard to [T,B,H/stride,W/stride,C'].</summary>
    public Tensor[] Forward(ForwardPass pass, Tensor[] x_TBHWC)
    {
        Tensor[] first = _first.Forward(pass, x_TBHWC);
        Tensor[] shortcut = _shortcut is null ? x_TBHWC : _shortcut.Forward(pass, Array.ConvertAll(x_TBHWC, Pool));
        return _second.Forward(pass, first, shortcut);
    }

    private Tensor Pool(Tensor x_TBHWC)
    {
        if (_stride == 1) return x_TBHWC;
        long[] shape = x_TBHWC.shape;
        using Tensor frames_GCHW = x_TBHWC.flatten(0, 1).permute(0, 3, 1, 2);
        Tensor pooled_GCHW = nn.functional.avg_pool2d(frames_GCHW, _stride, _stride);
        return pooled_GCHW.permute(0, 2, 3, 1).reshape(shape[0], shape[1], shape[2] / _stride, shape[3] / _stride, shape[4]);
    }
}
