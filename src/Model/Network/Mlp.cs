using Spikeformer.Neurons;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>A linear layer, neurons over time, and a linear layer. The linear layers act on each token; only the neurons mix time steps.</summary>
internal sealed class Mlp
{
    private readonly Linear _hidden, _output;
    private readonly NeuronOptions _neuron;
    private readonly int _w;
    private readonly string _name;

    public Mlp(StateLayout layout, string prefix, int width, int hidden, NeuronOptions neuron)
    {
        (_name, _neuron) = (prefix, neuron);
        _hidden = new Linear(layout, prefix + "mlp.0.0.", width, hidden);
        _w = neuron.IsParametric ? layout.AddParameter(prefix + "mlp.1.w", InitialValue.NeuronDecay) : -1;
        _output = new Linear(layout, prefix + "mlp.2.0.", hidden, width);
    }

    /// <summary>Maps [T,B,N,E] to [T,B,N,E].</summary>
    public Tensor Forward(ParameterSet parameters, Tensor x_TBNE, Action<string, Tensor>? observe = null)
    {
        Tensor spikes = MultiStepNeuron.Apply(_hidden.Forward(parameters, x_TBNE), _w < 0 ? null : parameters[_w], _neuron);
        observe?.Invoke(_name + "spikes", spikes);
        return _output.Forward(parameters, spikes);
    }
}
