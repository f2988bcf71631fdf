using Spikeformer.Recipes;

namespace Spikeformer.Neurons;

/// <summary>A neuron model and its constants. The defaults are those of the three published jobs.</summary>
/// <remarks>Equations in <see cref="MultiStepNeuron"/>. Every neuron starts from the reset potential at the first time step.</remarks>
public sealed record NeuronOptions
{
    /// <summary>The model.</summary>
    public NeuronKind Kind { get; init; } = NeuronKind.Plif;
    /// <summary>Firing threshold of the membrane potential; equality fires.</summary>
    public double Threshold { get; init; } = 1.0;
    /// <summary>Potential after a spike (hard reset); null subtracts the threshold instead (soft reset).</summary>
    public double? Reset { get; init; } = 0.0;
    /// <summary>tau, membrane time constant in time steps, above 1: fixed for LIF kinds, the initial value for parametric kinds.</summary>
    public double Tau { get; init; } = 2.0;
    /// <summary>Whether the leak also scales the input: u = v + (x - v)k; otherwise u = v - vk + x.</summary>
    public bool DecayInput { get; init; } = true;
    /// <summary>Whether no gradient flows through the reset.</summary>
    public bool DetachReset { get; init; } = true;
    /// <summary>alpha, steepness of the sigmoid surrogate gradient; 4 in SpikingJelly 0.0.0.0.10, which the authors pinned.</summary>
    public double SurrogateAlpha { get; init; } = 4.0;

    /// <summary>Whether the decay is a learnable scalar w, k = sigmoid(w).</summary>
    public bool IsParametric => Kind is NeuronKind.Plif or NeuronKind.Pliaf;
    /// <summary>Whether the output is relu(u) instead of the spike.</summary>
    public bool IsAnalog => Kind is NeuronKind.Pliaf or NeuronKind.Liaf;
    /// <summary>Initial value of w: -ln(tau - 1).</summary>
    public double InitialW => -Math.Log(Tau - 1);
}
