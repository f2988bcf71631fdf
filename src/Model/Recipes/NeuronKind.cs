namespace Spikeformer.Recipes;

/// <summary>The five neuron models. The kinds with an A output the analogue potential relu(u) instead of spikes.</summary>
public enum NeuronKind
{
    /// <summary>Parametric leaky integrate-and-fire: learnable decay, binary spikes.</summary>
    Plif,
    /// <summary>Parametric leaky integrate-and-analog-fire: learnable decay, output relu(u).</summary>
    Pliaf,
    /// <summary>Leaky integrate-and-fire: fixed decay, binary spikes.</summary>
    Lif,
    /// <summary>Leaky integrate-and-analog-fire: fixed decay, output relu(u).</summary>
    Liaf,
    /// <summary>Integrate-and-fire: no leak, binary spikes.</summary>
    If,
}
