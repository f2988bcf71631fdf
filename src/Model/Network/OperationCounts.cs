namespace Spikeformer.Network;

/// <summary>The operations of one layer for one sample, over all time steps.</summary>
/// <param name="Name">The prefix of the layer's parameters, or the name of a product.</param>
/// <param name="Dense">Multiply-accumulate operations of the same layer in a network without spikes.</param>
/// <param name="Macs">Multiply-accumulate operations of the layer.</param>
/// <param name="Acs">Synaptic operations of the layer: additions of a weight for each arriving spike.</param>
/// <param name="Input">Activity of the layer's input; null if the input does not come from neurons.</param>
/// <param name="Spikes">Activity of the neurons after the layer; null if there are none.</param>
public sealed record LayerOperations(string Name, double Dense, double Macs, double Acs, Activity? Input, Activity? Spikes);

/// <summary>The operations and energy of a network, counted as papers on spiking networks do. A layer with spikes as input performs one addition per arriving
/// spike and outgoing connection: the firing rate times the dense count. Every other layer performs one multiply-accumulate operation per connection.</summary>
/// <remarks>Sources: Rueckauer et al. 2017 (synaptic operations) and Horowitz, ISSCC 2014 (45 nm CMOS, float32: 4.6 pJ per multiply-accumulate operation, 0.9
/// pJ per addition), used as in Zhou et al., "Spikformer", ICLR 2023. Kernels at the border count as if they lay inside. The first convolution and attention
/// count as multiplications. Norms, biases, neurons and softmax do not count. Average pooling before a shortcut is folded into the shortcut's weights, so a
/// pooled spike is added once. Analogue neurons (PLIAF, LIAF) save only the operations for their zeros, and need multiplications.</remarks>
/// <param name="Layers">The operations of each layer, in forward order.</param>
public sealed record OperationCounts(IReadOnlyList<LayerOperations> Layers)
{
    /// <summary>Energy of a multiply-accumulate operation, in picojoules.</summary>
    public const double MacPicojoules = 4.6;

    /// <summary>Energy of an addition, in picojoules.</summary>
    public const double AcPicojoules = 0.9;

    /// <summary>The formula of <see cref="Microjoules"/>, as text.</summary>
    public const string Formula = "E = 4.6 pJ x MACs + 0.9 pJ x synaptic operations, synaptic operations = mean input spikes x MACs of the dense layer";

    /// <summary>Multiply-accumulate operations for a sample in the same network without spikes.</summary>
    public double Dense => Layers.Sum(layer => layer.Dense);

    /// <summary>Multiply-accumulate operations for a sample.</summary>
    public double Macs => Layers.Sum(layer => layer.Macs);

    /// <summary>Synaptic operations for a sample.</summary>
    public double Acs => Layers.Sum(layer => layer.Acs);

    /// <summary>Energy for a sample, in microjoules.</summary>
    public double Microjoules => (MacPicojoules * Macs + AcPicojoules * Acs) / 1e6;

    /// <summary>Energy for a sample in the same network without spikes, in microjoules.</summary>
    public double DenseMicrojoules => MacPicojoules * Dense / 1e6;

    /// <summary>Counts a network's operations.</summary>
    /// <param name="options">The network.</param>
    /// <param name="activity">The activity of its layers during an evaluation.</param>
    /// <exception cref="KeyNotFoundException">The activity of a layer is missing.</exception>
    public static OperationCounts Of(NetworkOptions options, ActivityCounter activity)
    {
        var layers = new List<LayerOperations>();
        double T = options.TimeSteps, N = options.Tokens, E = options.Width, hidden = E * options.MlpRatio;
        (double height, double width, int inputs) = (options.Height, options.FrameWidth, options.InputChannels);
        for (int i = 0; i < options.Strides.Count; i++)
        {
            (int stride, int outputs, string block) = (options.Strides[i], options.BlockChannels[i], $"patch_embed.conv_layers.{i}.");
            (height, width) = (height / stride, width / stride);
            double positions = T * height * width, taps = (double)options.Kernel * options.Kernel;
            bool isFed = i > 0;
            AddUnit(block + "residual_function.0", positions * taps * inputs * outputs, isFed);
            AddUnit(block + "residual_function.1", positions * taps * outputs * outputs, isFed: true);
            if (stride != 1 || inputs != outputs) AddUnit(block + "shortcut.1", positions * inputs * outputs, isFed, pooled: stride * stride);
            inputs = outputs;
        }
        for (int i = 0; i < options.Depth; i++)
        {
            string block = $"blocks.{i}.";
            AddDense(block + "temporal_attn", T * N * 4 * E * E + 2 * N * T * T * E);
            AddDense(block + "temporal_fc", T * N * E * E);
            AddDense(block + "attn", T * N * 4 * E * E + 2 * T * N * N * E);
            Activity spikes = activity[$"model.{block}mlp.spikes"];
            layers.Add(new(block + "mlp.0", T * N * E * hidden, T * N * E * hidden, 0, null, spikes));
            layers.Add(Fed(block + "mlp.2", T * N * hidden * E, spikes, 1, null));
        }
        AddDense("attention_pool", 2 * T * N * E);
        AddDense("head", E * options.Classes);
        return new(layers);

        void AddDense(string name, double dense) => layers.Add(new(name, dense, dense, 0, null, null));

        void AddUnit(string name, double dense, bool isFed, int pooled = 1)
        {
            Activity spikes = activity[$"model.{name}.spikes"];
            layers.Add(isFed ? Fed(name, dense, activity[$"model.{name}.input"], pooled, spikes) : new(name, dense, dense, 0, null, spikes));
        }

        LayerOperations Fed(string name, double dense, Activity input, int pooled, Activity? spikes) => options.Neuron.IsAnalog
            ? new(name, dense, dense * input.NonZero, 0, input, spikes)
            : new(name, dense, 0, dense * input.Mean * pooled, input, spikes);
    }
}
