using Spikeformer.Neurons;
using Spikeformer.Recipes;

namespace Spikeformer.Network;

/// <summary>Everything that decides a network's tensors and arithmetic: the model of a recipe joined with the shape of its data.</summary>
public sealed record NetworkOptions
{
    /// <summary>The neurons, all of one kind.</summary>
    public NeuronOptions Neuron { get; init; } = new();
    /// <summary>Side of the tokenizer's convolution kernels, odd; padding is (Kernel-1)/2.</summary>
    public int Kernel { get; init; } = 3;
    /// <summary>Stride of each SEW block.</summary>
    public IReadOnlyList<int> Strides { get; init; } = [2, 1, 2, 1];
    /// <summary>E, width of the tokens.</summary>
    public int Width { get; init; } = 64;
    /// <summary>Number of transformer blocks.</summary>
    public int Depth { get; init; } = 2;
    /// <summary>M, attention heads.</summary>
    public int Heads { get; init; } = 4;
    /// <summary>Hidden width of the MLP as a multiple of E.</summary>
    public int MlpRatio { get; init; } = 2;
    /// <summary>Drop-path rate of the last block, 0 to 1.</summary>
    public double DropPath { get; init; } = 0.1;
    /// <summary>Which rows a drop-path draw drops.</summary>
    public DropPathAxis DropPathAxis { get; init; } = DropPathAxis.Reference;
    /// <summary>T, simulated steps; frames with one time step are repeated T times.</summary>
    public int TimeSteps { get; init; } = 4;
    /// <summary>C of the input frames.</summary>
    public int InputChannels { get; init; } = 2;
    /// <summary>H of the frames the position table is made for.</summary>
    public int Height { get; init; } = 32;
    /// <summary>W of the frames the position table is made for.</summary>
    public int FrameWidth { get; init; } = 32;
    /// <summary>Number of classes.</summary>
    public int Classes { get; init; } = 10;

    /// <summary>Joins a recipe's model with the shape and the classes of its data.</summary>
    public static NetworkOptions From(ModelRecipe model, int timeSteps, SampleShape shape, int classes) => new()
    {
        Neuron = new NeuronOptions { Kind = model.Neuron },
        Kernel = model.Kernel,
        Strides = model.Strides,
        Width = model.Width,
        Depth = model.Depth,
        Heads = model.Heads,
        MlpRatio = model.MlpRatio,
        DropPath = model.DropPath,
        DropPathAxis = model.DropPathAxis,
        TimeSteps = timeSteps,
        InputChannels = shape.Channels,
        Height = shape.Height,
        FrameWidth = shape.Width,
        Classes = classes,
    };

    /// <summary>Product of the strides: sides of the frames must be divisible by it.</summary>
    public int TotalStride => Strides.Aggregate(1, (product, stride) => product * stride);

    /// <summary>N, tokens of a frame.</summary>
    public int Tokens => Height / TotalStride * (FrameWidth / TotalStride);

    /// <summary>Output channels of each SEW block; see <see cref="ModelRecipe.BlockChannelsOf"/>.</summary>
    public IReadOnlyList<int> BlockChannels => ModelRecipe.BlockChannelsOf(Strides, Width);

    /// <summary>Checks that the sizes fit together.</summary>
    /// <exception cref="SpikeformerException">Some do not; the message names the sizes and the remedy.</exception>
    public void Validate()
    {
        if (Height % TotalStride != 0 || FrameWidth % TotalStride != 0)
            throw Error($"frames of {Height}x{FrameWidth} pixels are not divisible by the tokenizer's total stride {TotalStride}",
                $"set data.canvas to multiples of {TotalStride}, for example [{RoundUp(Height)}, {RoundUp(FrameWidth)}]");
        if (Width % Heads != 0)
            throw Error($"width {Width} is not divisible by {Heads} heads", "choose model.heads as a divisor of model.width");
        if (BlockChannels[0] < 1 || Width % (Width / BlockChannels[0]) != 0)
            throw Error($"width {Width} cannot be halved for each of the tokenizer's stages", "choose a wider model.width or fewer model.strides");
        if (Classes < 2 || Depth < 1 || TimeSteps < 1 || InputChannels < 1)
            throw Error($"{Classes} classes, {Depth} blocks, {TimeSteps} time steps and {InputChannels} channels are not a network",
                "use at least 2 classes and 1 of each other");

        int RoundUp(int side) => (side + TotalStride - 1) / TotalStride * TotalStride;
        static SpikeformerException Error(string what, string remedy) => new(ErrorKind.Usage, "The network cannot be built: " + what, remedy);
    }
}
