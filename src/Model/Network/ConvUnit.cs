using Spikeformer.Neurons;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>Convolution without bias, BatchNorm over time and batch, and a layer of neurons.</summary>
internal sealed class ConvUnit
{
    private readonly int _kernel, _w;
    private readonly int _stride, _padding;
    private readonly BatchNorm _norm;
    private readonly NeuronOptions _neuron;

    public ConvUnit(StateLayout layout, string prefix, int inputs, int outputs, int kernel, int stride, NeuronOptions neuron)
    {
        (_stride, _padding, _neuron) = (stride, (kernel - 1) / 2, neuron);
        _kernel = layout.AddParameter(prefix + "0.0.weight", InitialValue.KaimingNormal, outputs, inputs, kernel, kernel);
        _norm = new BatchNorm(layout, prefix + "0.1.", outputs);
        _w = neuron.IsParametric ? layout.AddParameter(prefix + "1.w", InitialValue.NeuronDecay) : -1;
    }

    /// <summary>[T,B,C,H,W] of each shard to [T,B,C',H',W'].</summary>
    public Tensor[] Forward(ForwardPass pass, Tensor[] x_TBCHW)
    {
        var currents = new Tensor[x_TBCHW.Length];
        for (int s = 0; s < currents.Length; s++)
        {
            using Tensor flat = x_TBCHW[s].flatten(0, 1);
            currents[s] = Convolution.Apply(flat, pass.Parameters[s][_kernel], _stride, _padding);
        }
        Tensor[] normalised = _norm.Forward(pass, currents);
        var spikes = new Tensor[currents.Length];
        for (int s = 0; s < spikes.Length; s++)
        {
            long[] size = normalised[s].shape;
            Tensor sequence = normalised[s].view(x_TBCHW[s].shape[0], x_TBCHW[s].shape[1], size[1], size[2], size[3]);
            spikes[s] = MultiStepNeuron.Apply(sequence, _w < 0 ? null : pass.Parameters[s][_w], _neuron);
        }
        return spikes;
    }
}
