namespace Spikeformer.Neurons;

/// <summary>A neuron model and its constants. The defaults are the values of the three published jobs.</summary>
/// <remarks><see cref="MultiStepNeuron"/> states the equations. Every neuron starts at the reset potential before the first time step.</remarks>
public sealed record NeuronOptions
{
    /// <summary>The neuron model.</summary>
    public NeuronKind Kind { get; init; } = NeuronKind.Plif;
    /// <summary>Firing threshold of the membrane potential; a potential equal to it fires.</summary>
    public double Threshold { get; init; } = 1.0;
    /// <summary>Potential after a spike (hard reset); null subtracts the threshold instead (soft reset).</summary>
    public double? Reset { get; init; } = 0.0;
    /// <summary>The membrane time constant tau in time steps, above 1: fixed for LIF and LIAF, the initial value for PLIF and PLIAF.</summary>
    public double Tau { get; init; } = 2.0;
    /// <summary>Whether the decay also scales the input: u = v + (x - v)k; otherwise u = v - vk + x.</summary>
    public bool DecayInput { get; init; } = true;
    /// <summary>Whether no gradient flows through the reset.</summary>
    public bool DetachReset { get; init; } = true;
    /// <summary>The steepness alpha of the sigmoid surrogate gradient; 4 in SpikingJelly 0.0.0.0.10, which the authors pinned.</summary>
    public double SurrogateAlpha { get; init; } = 4.0;

    /// <summary>Whether the decay is learnable: k = sigmoid(w) with a scalar w.</summary>
    public bool IsParametric => Kind is NeuronKind.Plif or NeuronKind.Pliaf;
    /// <summary>Whether the output is relu(u) instead of a spike.</summary>
    public bool IsAnalog => Kind is NeuronKind.Pliaf or NeuronKind.Liaf;
    /// <summary>The initial value of w: -ln(tau - 1).</summary>
    public double InitialW => -Math.Log(Tau - 1);
}
