using Spikeformer.Neurons;

namespace Spikeformer.Network;

/// <summary>All that determines a network's tensors and arithmetic: the model of a recipe and the shape of its data.</summary>
public sealed record NetworkOptions
{
    /// <summary>The neurons of every layer.</summary>
    public NeuronOptions Neuron { get; init; } = new();
    /// <summary>The side of the tokenizer's convolution kernels in pixels, odd; the padding is (Kernel-1)/2.</summary>
    public int Kernel { get; init; } = 3;
    /// <summary>The stride of each SEW block.</summary>
    public IReadOnlyList<int> Strides { get; init; } = [2, 1, 2, 1];
    /// <summary>The width E of the tokens.</summary>
    public int Width { get; init; } = 64;
    /// <summary>The number of transformer blocks.</summary>
    public int Depth { get; init; } = 2;
    /// <summary>The number of attention heads M; it divides the width.</summary>
    public int Heads { get; init; } = 4;
    /// <summary>The hidden width of the MLP as a multiple of E.</summary>
    public int MlpRatio { get; init; } = 2;
    /// <summary>The drop-path rate of the last block, 0 to below 1.</summary>
    public double DropPath { get; init; } = 0.1;
    /// <summary>The rows that share a drop-path draw.</summary>
    public DropPathAxis DropPathAxis { get; init; } = DropPathAxis.Reference;
    /// <summary>The number of simulated time steps T. A frame with one time step is repeated T times.</summary>
    public int TimeSteps { get; init; } = 4;
    /// <summary>The number of channels C of the input frames.</summary>
    public int InputChannels { get; init; } = 2;
    /// <summary>The height H of the frames in pixels, which sizes the position table.</summary>
    public int Height { get; init; } = 32;
    /// <summary>The width W of the frames in pixels, which sizes the position table.</summary>
    public int FrameWidth { get; init; } = 32;
    /// <summary>The number of classes, at least 2.</summary>
    public int Classes { get; init; } = 10;

    /// <summary>Combines a recipe's model with the shape and the number of classes of its data.</summary>
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

    /// <summary>The product of the strides. It must divide the sides of the frames.</summary>
    public int TotalStride => Strides.Aggregate(1, (product, stride) => product * stride);

    /// <summary>The number of tokens N of a frame.</summary>
    public int Tokens => Height / TotalStride * (FrameWidth / TotalStride);

    /// <summary>The output channels of each SEW block; see <see cref="ModelRecipe.BlockChannelsOf"/>.</summary>
    public IReadOnlyList<int> BlockChannels => ModelRecipe.BlockChannelsOf(Strides, Width);

    /// <summary>Checks that the sizes fit together.</summary>
    /// <exception cref="SpikeformerException">Some sizes do not fit together (Usage). The message names them and the remedy.</exception>
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
            throw Error($"{Classes} classes, {Depth} blocks, {TimeSteps} time steps and {InputChannels} channels are too few",
                "use at least 2 classes, 1 block, 1 time step and 1 channel");

        int RoundUp(int side) => (side + TotalStride - 1) / TotalStride * TotalStride;
        static SpikeformerException Error(string what, string remedy) => new(ErrorKind.Usage, "The network cannot be built: " + what, remedy);
    }
}
