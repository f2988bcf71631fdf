using Spikeformer.Neurons;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>A convolution without bias, BatchNorm over time and batch, and a layer of neurons.</summary>
internal sealed class ConvUnit
{
    private readonly string _name;
    private readonly int _kernel;
    private readonly int _stride, _padding;
    private readonly SpikingNorm _norm;

    public ConvUnit(StateLayout layout, string prefix, int inputs, int outputs, int kernel, int stride, NeuronOptions neuron)
    {
        _name = prefix;
        (_stride, _padding) = (stride, (kernel - 1) / 2);
        _kernel = layout.AddParameter(prefix + "0.0.weight", InitialValue.KaimingNormal, outputs, inputs, kernel, kernel);
        _norm = new SpikingNorm(layout, prefix + "0.1.", prefix + "1.", outputs, neuron);
    }

    /// <summary>Maps [T,B,H,W,C] of each shard to [T,B,H',W',C'] and adds the addends, if any.</summary>
    public Tensor[] Forward(ForwardPass pass, Tensor[] x_TBHWC, Tensor[]? addends_TBHWC = null)
    {
        var currents = new Tensor[x_TBHWC.Length];
        for (int s = 0; s < currents.Length; s++) currents[s] = Convolution.Apply(x_TBHWC[s], pass.Parameters[s][_kernel], _stride, _padding);
        if (pass.Observe is not null) Observe(pass, x_TBHWC, currents);
        return _norm.Forward(pass, currents, addends_TBHWC);
    }

    /// <summary>Reports the input, and the spikes before the addends, which are computed only for the observer.</summary>
    private void Observe(ForwardPass pass, Tensor[] x_TBHWC, Tensor[] currents)
    {
        foreach (Tensor x in x_TBHWC) pass.Observe!(_name + "input", x);
        foreach (Tensor spikes in _norm.Forward(pass, currents, addends_TBHWC: null)) pass.Observe!(_name + "spikes", spikes);
    }
}
