namespace Spikeformer.Recipes;

/// <summary>The five neuron models. "A" kinds put out the analogue potential relu(u) instead of the spike.</summary>
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
