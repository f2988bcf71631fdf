using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Spikeformer.Recipes;

/// <summary>Everything that defines a run's result. Two runs with equal recipes and data end with the same bits, whatever machines compute
/// them. <see cref="RecipeReader"/> reads recipes from strict JSON.</summary>
/// <remarks>Attributes define the bounds of single numbers; <see cref="RecipeRules"/> has the rules between fields. Compare recipes by
/// <see cref="RecipeWriter.Hash"/>, because records compare their lists by reference.</remarks>
public sealed record Recipe
{
    /// <summary>Name of the recipe, and the default name of its runs.</summary>
    public required string Name { get; init; }
    /// <summary>Seed of every random draw. The authors use 2020.</summary>
    public ulong Seed { get; init; } = 2020;
    /// <summary>Number of passes over the training data.</summary>
    [Range(1, 1_000_000)]
    public required int Epochs { get; init; }
    /// <summary>Samples per step, over all shards.</summary>
    [Range(1, 1_000_000)]
    public required int Batch { get; init; }
    /// <summary>V, the fixed number of slices of every global batch, 1 to 256. At most V workers can compute at the same time.</summary>
    [Range(1, 256)]
    public required int Shards { get; init; }
    /// <summary>Compute threads per worker. Part of the recipe, because libtorch's results depend on it.</summary>
    [Range(1, 1024)]
    public int Threads { get; init; } = 1;
    /// <summary>Arithmetic of the forward and backward passes.</summary>
    public Precision Precision { get; init; } = Precision.Fp32;
    /// <summary>The samples over which BatchNorm computes its statistics in training.</summary>
    public BatchNormMode BatchNorm { get; init; } = BatchNormMode.Global;
    /// <summary>Share of the target probability spread evenly over all classes, 0 to 1.</summary>
    [Range(0.0, 1.0)]
    public double LabelSmoothing { get; init; }
    /// <summary>The network.</summary>
    public required ModelRecipe Model { get; init; }
    /// <summary>The data set, and how to turn its samples into frames.</summary>
    public required DataRecipe Data { get; init; }
    /// <summary>The update rule.</summary>
    public required OptimizerRecipe Optimizer { get; init; }
    /// <summary>Learning-rate segments in order of their first epoch. The last segment whose <c>from</c> has been reached applies.</summary>
    public required IReadOnlyList<ScheduleSegment> Schedule { get; init; }
}

/// <summary>Arithmetic of the forward and backward passes.</summary>
public enum Precision
{
    /// <summary>float32 throughout.</summary>
    Fp32,
    /// <summary>bfloat16 products, float32 elsewhere.</summary>
    Bf16,
    /// <summary>float16 products with loss scaling; CUDA only.</summary>
    Fp16,
}

/// <summary>The samples over which BatchNorm computes its statistics in training.</summary>
public enum BatchNormMode
{
    /// <summary>The samples of each shard. Running statistics are averaged in shard order.</summary>
    Shard,
    /// <summary>The whole global batch, as in the authors' single-GPU and <c>--sync-bn</c> jobs.</summary>
    Global,
}

/// <summary>The network of a recipe: a published variant by name, or a custom configuration.</summary>
/// <remarks>A resolved recipe also contains the variant's fields. Drop-path does not belong to the variant.</remarks>
public sealed record ModelRecipe
{
    /// <summary>Name of a published variant, for example <c>PLIF_spikeformer_7_3x2x3</c>, or null for a custom configuration.</summary>
    public string? Variant { get; init; }
    /// <summary>Kind of all neurons.</summary>
    public NeuronKind Neuron { get; init; } = NeuronKind.Plif;
    /// <summary>Side of the tokenizer's convolution kernels; odd.</summary>
    [Range(1, 31)]
    public int Kernel { get; init; } = 3;
    /// <summary>Stride of each SEW block.</summary>
    [Range(1, 8)]
    public IReadOnlyList<int> Strides { get; init; } = [2, 1, 2, 1];
    /// <summary>E, width of the tokens.</summary>
    [Range(1, 65_536)]
    public int Width { get; init; } = 64;
    /// <summary>Number of transformer blocks.</summary>
    [Range(1, 1024)]
    public int Depth { get; init; } = 2;
    /// <summary>Number of attention heads. Must divide the width.</summary>
    [Range(1, 1024)]
    public int Heads { get; init; } = 4;
    /// <summary>Hidden width of the MLP as a multiple of the token width.</summary>
    [Range(1, 64)]
    public int MlpRatio { get; init; } = 2;
    /// <summary>Drop-path rate of the last block, 0 to 1. The rate increases linearly from the first block to the last.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double DropPath { get; init; } = 0.1;
    /// <summary>The axis along which drop-path drops.</summary>
    public DropPathAxis DropPathAxis { get; init; } = DropPathAxis.Reference;

    /// <summary>Returns the output channels of each SEW block: E in the last stage, half as many in each stage before. A stage has two blocks
    /// if every second stride is 1 (as in the authors' stride lists), otherwise one block.</summary>
    internal static IReadOnlyList<int> BlockChannelsOf(IReadOnlyList<int> strides, int width)
    {
        bool paired = strides.Count % 2 == 0 && strides.Where((_, i) => i % 2 == 1).All(stride => stride == 1);
        int perStage = paired ? 2 : 1, stages = strides.Count / perStage;
        return [.. strides.Select((_, i) => width >> (stages - 1 - i / perStage))];
    }
}

/// <summary>The unit that drop-path drops.</summary>
public enum DropPathAxis
{
    /// <summary>Axis 0 of each branch's own layout, as in the authors' code: single tokens, single time steps, or one time step of the whole
    /// batch.</summary>
    Reference,
    /// <summary>Whole samples, as in the definition of stochastic depth.</summary>
    Sample,
}

/// <summary>The data of a recipe.</summary>
public sealed record DataRecipe
{
    /// <summary>Kind of the data set.</summary>
    public required DataKind Kind { get; init; }
    /// <summary>T, simulated steps per sample.</summary>
    [Range(1, 1024)]
    public required int TimeSteps { get; init; }
    /// <summary>How to cut a recording's events into T frames.</summary>
    public FramesBy FramesBy { get; init; } = FramesBy.Number;
    /// <summary>Length of a frame in microseconds. Only for <see cref="FramesBy.Duration"/>.</summary>
    [Range(1, int.MaxValue)]
    public long? FrameMicroseconds { get; init; }
    /// <summary>Rows and columns of the frames. A smaller sensor is centred, a larger one is an error. The default is the size of the sensor
    /// (34x34 for N-MNIST, 128x128 for the DVS128 data sets) or 224x224 for images. The synthetic camera has no default.</summary>
    [Range(1, 8192)]
    public IReadOnlyList<int>? Canvas { get; init; }
    /// <summary>Upper limit of a pixel's count; null for no limit, as in the authors' jobs.</summary>
    [Range(1, 1_000_000)]
    public int? Clip { get; init; }
    /// <summary>How the address bits of CIFAR10-DVS recordings map to pixel and polarity. The default is spikingjelly, used by published
    /// results. Only for dvs-cifar10.</summary>
    public AddressConvention? Addresses { get; init; }
    /// <summary>Random changes to training samples.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.None;
    /// <summary>Whether to augment test samples too, as the authors' DVS-CIFAR10 script does. Only for comparison with its published
    /// accuracy.</summary>
    public bool AugmentTest { get; init; }
    /// <summary>Photographs: policy of augmentation 'imagenet'. The default is the authors' AutoAugment policy.</summary>
    public AutoAugment? AutoAugment { get; init; }
    /// <summary>Photographs: probability that augmentation 'imagenet' erases a rectangle, 0 to 1. The default is the authors' 0.25.</summary>
    [Range(0.0, 1.0)]
    public double? RandomErasing { get; init; }
    /// <summary>Photographs: how to treat files that cannot be decoded. The default is an error.</summary>
    public BadFiles? BadFiles { get; init; }
    /// <summary>Number of training samples of the synthetic camera.</summary>
    [Range(1, 10_000_000)]
    public int? TrainSamples { get; init; }
    /// <summary>Number of test samples of the synthetic camera.</summary>
    [Range(1, 10_000_000)]
    public int? TestSamples { get; init; }
}

/// <summary>Kinds of data sets.</summary>
public enum DataKind
{
    /// <summary>The deterministic synthetic event camera with 11 moving gestures. Needs no files.</summary>
    Synthetic,
    /// <summary>N-MNIST recordings, 34x34, <c>Train|Test/DIGIT/*.bin</c>.</summary>
    Nmnist,
    /// <summary>DVS128 Gesture recordings, 128x128, 11 classes.</summary>
    DvsGesture,
    /// <summary>CIFAR10-DVS recordings, 128x128, 10 classes.</summary>
    DvsCifar10,
    /// <summary>Photographs in class folders, <c>train|val/CLASS/*.JPEG</c>.</summary>
    ImageFolder,
}

/// <summary>How to cut a recording's events into frames.</summary>
public enum FramesBy
{
    /// <summary>Frames of equal event count.</summary>
    Number,
    /// <summary>Frames of equal length in time.</summary>
    Time,
    /// <summary>Frames of a fixed duration, each starting at its first event.</summary>
    Duration,
}

/// <summary>Random changes to training samples.</summary>
public enum Augmentation
{
    /// <summary>No augmentation.</summary>
    None,
    /// <summary>Flip, roll and cut-out exactly as in the authors' DVS code, including its roll over the polarity axis.</summary>
    DvsReference,
    /// <summary>Flip, roll of rows and columns, and cut-out, as the authors' code intends.</summary>
    Dvs,
    /// <summary>RandomResizedCrop, flip, AutoAugment (ImageNet policy), random erasing.</summary>
    [JsonStringEnumMemberName("imagenet")]
    ImageNet,
}

/// <summary>Random changes of shape and colour in augmentation <see cref="Augmentation.ImageNet"/>.</summary>
public enum AutoAugment
{
    /// <summary>AutoAugment with the ImageNet policy, as in the authors' job.</summary>
    [JsonStringEnumMemberName("imagenet")]
    ImageNet,
    /// <summary>RandAugment: two operations of medium strength.</summary>
    Ra,
    /// <summary>Wide TrivialAugment: one operation of any strength.</summary>
    TaWide,
    /// <summary>No policy. Crop, flip and random erasing still apply.</summary>
    None,
}

/// <summary>How to treat image files that cannot be decoded.</summary>
public enum BadFiles
{
    /// <summary>Opening the data set fails with an error that names them.</summary>
    Error,
    /// <summary>They are skipped in every epoch and on every worker. Opening the data set warns and counts them.</summary>
    Skip,
}

/// <summary>The update rule of a recipe.</summary>
public sealed record OptimizerRecipe
{
    /// <summary>Kind of the rule.</summary>
    public required OptimizerKind Kind { get; init; }
    /// <summary>Weight decay per unit of learning rate: added to the gradient (Adam, SGD) or applied to the weight (AdamW).</summary>
    [Range(0.0, 1e6)]
    public double WeightDecay { get; init; }
    /// <summary>Adam: decay of the first moment, 0 to 1.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Beta1 { get; init; } = 0.9;
    /// <summary>Adam: decay of the second moment, 0 to 1.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Beta2 { get; init; } = 0.999;
    /// <summary>Adam: added to the square root of the second moment.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double Epsilon { get; init; } = 1e-8;
    /// <summary>SGD: decay of the momentum buffer, 0 to 1.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Momentum { get; init; } = 0.9;
    /// <summary>The parameters to which weight decay applies.</summary>
    public DecayScope Decay { get; init; } = DecayScope.All;
}

/// <summary>Kinds of update rules.</summary>
public enum OptimizerKind
{
    /// <summary>Adam with L2 added to the gradient (coupled).</summary>
    Adam,
    /// <summary>Adam with decoupled decay.</summary>
    [JsonStringEnumMemberName("adamw")]
    AdamW,
    /// <summary>SGD with momentum, without dampening and Nesterov, with L2 added to the gradient.</summary>
    Sgd,
}

/// <summary>The parameters to which weight decay applies.</summary>
public enum DecayScope
{
    /// <summary>Every parameter, as in the authors' jobs.</summary>
    All,
    /// <summary>Only matrices and convolution kernels, not norms, biases, embeddings and neuron scalars.</summary>
    Weights,
}

/// <summary>One segment of the learning-rate schedule. The rate is constant within an epoch.</summary>
public sealed record ScheduleSegment
{
    /// <summary>First epoch of the segment, from 0.</summary>
    [Range(0, 1_000_000)]
    public int From { get; init; }
    /// <summary>Base learning rate.</summary>
    [Range(0.0, 1e6)]
    public required double Base { get; init; }
    /// <summary>Curve of the segment.</summary>
    public required ScheduleKind Kind { get; init; }
    /// <summary>Epoch at which a cosine or linear curve ends. The default is the end of the run.</summary>
    [Range(1, 2_000_000)]
    public int? Until { get; init; }
    /// <summary>Epochs of linear warm-up at the start of the segment; see <see cref="Training.Schedule"/> for the curve.</summary>
    [Range(0, 1_000_000)]
    public int Warmup { get; init; }
    /// <summary>Step kinds: epochs between two drops. The default for the authors' DVS curve is 192.</summary>
    [Range(1, 1_000_000)]
    public int? Every { get; init; }
    /// <summary>Step kinds: factor of each drop. The default for the authors' DVS curve is 0.1.</summary>
    [Range(0.0, 1e6)]
    public double? Factor { get; init; }
    /// <summary>Whether to clear momentum and Adam moments when the segment begins, as restarting the authors' script does.</summary>
    public bool ResetMomentum { get; init; }
}

/// <summary>Curves of a schedule segment; see <see cref="Training.Schedule"/> for the formulas.</summary>
public enum ScheduleKind
{
    /// <summary>Keeps the base rate.</summary>
    Constant,
    /// <summary>Drops by <c>factor</c> every <c>every</c> epochs.</summary>
    Step,
    /// <summary>Half a cosine from base to 0.</summary>
    Cosine,
    /// <summary>A straight line from base to 0.</summary>
    Linear,
    /// <summary>The authors' DVS curve, including its lag of one epoch.</summary>
    ReferenceDvs,
    /// <summary>The authors' ImageNet curve.</summary>
    ReferenceImagenet,
}
