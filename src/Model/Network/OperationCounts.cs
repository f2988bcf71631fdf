namespace Spikeformer.Network;

/// <summary>Operations of one layer for one sample, over all time steps.</summary>
/// <param name="Name">The layer, by the prefix of its parameters, or what it multiplies.</param>
/// <param name="Dense">Multiplications with additions if every input were a number: what the layer costs in a network without spikes.</param>
/// <param name="Macs">Those that remain.</param>
/// <param name="Acs">Synaptic operations: additions of a weight for an arriving spike.</param>
/// <param name="Input">Activity of its input; null where the input is not of neurons.</param>
/// <param name="Spikes">Activity of the neurons behind it; null where there are none.</param>
public sealed record LayerOperations(string Name, double Dense, double Macs, double Acs, Activity? Input, Activity? Spikes);

/// <summary>
/// Operations and energy of a network by the count that papers on spiking networks use: a layer that spikes feed does one addition per arriving
/// spike and outgoing connection, firing rate times the dense count; every other layer does one multiplication with addition per connection.
/// </summary>
/// <remarks>Rueckauer et al. 2017 (synaptic operations), Horowitz, ISSCC 2014 (45 nm CMOS, float32: 4.6 pJ per multiplication with addition, 0.9 pJ per
/// addition), as in Zhou et al., "Spikformer", ICLR 2023. Borders are counted as if kernels lay inside, the first convolution and
/// attention as multiplications; norms, biases, neurons and softmax are left out. Average pooling before a shortcut is folded into its weights,
/// so a spike that is pooled is added once. Analog neurons (PLIAF, LIAF) save what their zeros save and need multiplications.</remarks>
public sealed record OperationCounts(IReadOnlyList<LayerOperations> Layers)
{
    /// <summary>Energy of a multiplication with addition, picojoules.</summary>
    public const double MacPicojoules = 4.6;

    /// <summary>Energy of an addition, picojoules.</summary>
    public const double AcPicojoules = 0.9;

    /// <summary>The formula of <see cref="Microjoules"/>, for people.</summary>
    public const string Formula = "E = 4.6 pJ x MACs + 0.9 pJ x synaptic operations, synaptic operations = mean input spikes x MACs of the dense layer";

    /// <summary>Dense operations of a sample.</summary>
    public double Dense => Layers.Sum(layer => layer.Dense);

    /// <summary>Multiplications with additions of a sample.</summary>
    public double Macs => Layers.Sum(layer => layer.Macs);

    /// <summary>Synaptic operations of a sample.</summary>
    public double Acs => Layers.Sum(layer => layer.Acs);

    /// <summary>Energy of a sample, microjoules.</summary>
    public double Microjoules => (MacPicojoules * Macs + AcPicojoules * Acs) / 1e6;

    /// <summary>Energy of the same network if nothing in it were spikes, microjoules.</summary>
    public double DenseMicrojoules => MacPicojoules * Dense / 1e6;

    /// <summary>Counts a network's operations.</summary>
    /// <param name="options">The network.</param>
    /// <param name="activity">What its layers took in and put out in an evaluation.</param>
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
