using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Spikeformer.Training;

namespace Spikeformer.Recipes;

/// <summary>Everything that defines a run's result. Two runs with equal recipes and data end with the same bits, whatever computes them.
/// Read from strict JSON by <see cref="RecipeReader"/>.</summary>
/// <remarks>Bounds of single numbers stand here as attributes, rules between fields in <see cref="RecipeRules"/>. Two recipes are compared
/// by <see cref="RecipeWriter.Hash"/>: records compare their lists by reference.</remarks>
public sealed record Recipe
{
    /// <summary>Name of the recipe, also the default name of its runs.</summary>
    public required string Name { get; init; }
    /// <summary>Seed of every random draw. The authors use 2020.</summary>
    public ulong Seed { get; init; } = 2020;
    /// <summary>Passes over the training data.</summary>
    [Range(1, 1_000_000)]
    public required int Epochs { get; init; }
    /// <summary>Samples per step over all shards.</summary>
    [Range(1, 1_000_000)]
    public required int Batch { get; init; }
    /// <summary>V, the fixed number of slices of every global batch, 1 to 256. At most V workers can compute at once.</summary>
    [Range(1, 256)]
    public required int Shards { get; init; }
    /// <summary>Compute threads per worker; part of the numerics, since libtorch's results depend on it.</summary>
    [Range(1, 1024)]
    public int Threads { get; init; } = 1;
    /// <summary>Arithmetic of the forward and backward passes.</summary>
    public Precision Precision { get; init; } = Precision.Fp32;
    /// <summary>Whose statistics BatchNorm uses in training.</summary>
    public BatchNormMode BatchNorm { get; init; } = BatchNormMode.Global;
    /// <summary>Share of the target probability that is spread evenly over all classes, 0 to 1.</summary>
    [Range(0.0, 1.0)]
    public double LabelSmoothing { get; init; }
    /// <summary>The network.</summary>
    public required ModelRecipe Model { get; init; }
    /// <summary>The data set and how its samples become frames.</summary>
    public required DataRecipe Data { get; init; }
    /// <summary>The update rule.</summary>
    public required OptimizerRecipe Optimizer { get; init; }
    /// <summary>Learning-rate segments in order of their first epoch; the last one whose <c>from</c> is reached is in force.</summary>
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

/// <summary>Whose statistics BatchNorm uses in training.</summary>
public enum BatchNormMode
{
    /// <summary>Each shard its own; running statistics are averaged in shard order.</summary>
    Shard,
    /// <summary>Those of the whole global batch: the authors' single-GPU and <c>--sync-bn</c> meaning.</summary>
    Global,
}

/// <summary>The network of a recipe: a published variant by name, or a free configuration.</summary>
/// <remarks>A recipe that was read holds the variant's fields too. Drop-path is no part of a variant.</remarks>
public sealed record ModelRecipe
{
    /// <summary>Name of a published variant (<c>PLIF_spikeformer_7_3x2x3</c> ..), or null for a free configuration.</summary>
    public string? Variant { get; init; }
    /// <summary>Kind of all neurons.</summary>
    public NeuronKind Neuron { get; init; } = NeuronKind.Plif;
    /// <summary>Side of the tokenizer's convolution kernels, odd.</summary>
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
    /// <summary>Attention heads; divides the width.</summary>
    [Range(1, 1024)]
    public int Heads { get; init; } = 4;
    /// <summary>Hidden width of the MLP as a multiple of the token width.</summary>
    [Range(1, 64)]
    public int MlpRatio { get; init; } = 2;
    /// <summary>Drop-path rate of the last block, 0 to 1; earlier blocks get a linear share.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double DropPath { get; init; } = 0.1;
    /// <summary>Which axis a drop-path draw drops.</summary>
    public DropPathAxis DropPathAxis { get; init; } = DropPathAxis.Reference;

    /// <summary>Output channels of each SEW block: E at the last stage, half of it a stage before, and so on. A stage is two blocks where
    /// every second stride is 1 (the authors' stride lists), else one block.</summary>
    internal static IReadOnlyList<int> BlockChannelsOf(IReadOnlyList<int> strides, int width)
    {
        bool paired = strides.Count % 2 == 0 && strides.Where((_, i) => i % 2 == 1).All(stride => stride == 1);
        int perStage = paired ? 2 : 1, stages = strides.Count / perStage;
        return [.. strides.Select((_, i) => width >> (stages - 1 - i / perStage))];
    }
}

/// <summary>Which rows a drop-path draw drops together.</summary>
public enum DropPathAxis
{
    /// <summary>As the authors' code does: axis 0 of each branch's own layout, so single tokens, single time steps, or one time step of
    /// the whole batch.</summary>
    Reference,
    /// <summary>Whole samples, as stochastic depth is defined.</summary>
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
    /// <summary>How a recording's events are cut into T frames.</summary>
    public FramesBy FramesBy { get; init; } = FramesBy.Number;
    /// <summary>Length of a frame in microseconds, for <see cref="FramesBy.Duration"/> only.</summary>
    [Range(1, int.MaxValue)]
    public long? FrameMicroseconds { get; init; }
    /// <summary>Rows and columns of the frames; a smaller sensor is centred on it, a larger one is an error. Null takes the sensor's own
    /// (34x34 for N-MNIST, 128x128 for the DVS128 sets, 224x224 for images); the synthetic camera has none, so it must be given.</summary>
    [Range(1, 8192)]
    public IReadOnlyList<int>? Canvas { get; init; }
    /// <summary>Upper limit of a pixel's count; null leaves counts as they are (the authors').</summary>
    [Range(1, 1_000_000)]
    public int? Clip { get; init; }
    /// <summary>How the address bits of CIFAR10-DVS recordings become pixels and polarity; null takes spikingjelly's, which published results
    /// use. Only for dvs-cifar10.</summary>
    public AddressConvention? Addresses { get; init; }
    /// <summary>Random changes of training samples.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.None;
    /// <summary>Augments test samples too, as the authors' DVS-CIFAR10 script does; only to compare with its published number.</summary>
    public bool AugmentTest { get; init; }
    /// <summary>Photographs: policy of augmentation 'imagenet'; null takes the authors' AutoAugment policy.</summary>
    public AutoAugment? AutoAugment { get; init; }
    /// <summary>Photographs: probability that augmentation 'imagenet' erases a rectangle, 0 to 1; null takes the authors' 0.25.</summary>
    [Range(0.0, 1.0)]
    public double? RandomErasing { get; init; }
    /// <summary>Photographs: what happens with files that cannot be read; null is an error.</summary>
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
    /// <summary>The deterministic synthetic event camera: 11 moving gestures, no files needed.</summary>
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

/// <summary>How a recording's events are cut into frames.</summary>
public enum FramesBy
{
    /// <summary>Frames of equal event count.</summary>
    Number,
    /// <summary>Frames of equal time.</summary>
    Time,
    /// <summary>Frames of a fixed duration, each from its first event.</summary>
    Duration,
}

/// <summary>Random changes of training samples.</summary>
public enum Augmentation
{
    /// <summary>None.</summary>
    None,
    /// <summary>Flip, roll and cut-out exactly as the authors' DVS code does, including its roll over the polarity axis.</summary>
    DvsReference,
    /// <summary>Flip, roll of rows and columns, and cut-out: what the authors' code means to do.</summary>
    Dvs,
    /// <summary>RandomResizedCrop, flip, AutoAugment (ImageNet policy), random erasing.</summary>
    [JsonStringEnumMemberName("imagenet")]
    ImageNet,
}

/// <summary>Random changes of shape and colour within augmentation <see cref="Augmentation.ImageNet"/>.</summary>
public enum AutoAugment
{
    /// <summary>AutoAugment with the ImageNet policy: the authors'.</summary>
    [JsonStringEnumMemberName("imagenet")]
    ImageNet,
    /// <summary>RandAugment: two operations of medium strength.</summary>
    Ra,
    /// <summary>TrivialAugment, wide: one operation of any strength.</summary>
    TaWide,
    /// <summary>None of them; crop, flip and random erasing stay.</summary>
    None,
}

/// <summary>What happens with image files that cannot be read.</summary>
public enum BadFiles
{
    /// <summary>Opening the data fails and names them.</summary>
    Error,
    /// <summary>They are left out, in every epoch and on every worker, and counted when the data are opened.</summary>
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
    /// <summary>Adam: added to the root of the second moment.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double Epsilon { get; init; } = 1e-8;
    /// <summary>SGD: decay of the momentum buffer, 0 to 1.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Momentum { get; init; } = 0.9;
    /// <summary>Which parameters decay.</summary>
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
    /// <summary>SGD with momentum, no dampening, no Nesterov, L2 added to the gradient.</summary>
    Sgd,
}

/// <summary>Which parameters weight decay acts on.</summary>
public enum DecayScope
{
    /// <summary>Every parameter, as in the authors' jobs.</summary>
    All,
    /// <summary>Only matrices and convolution kernels: not norms, biases, embeddings and neuron scalars.</summary>
    Weights,
}

/// <summary>One segment of the learning-rate schedule; the rate is constant within an epoch.</summary>
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
    /// <summary>Epoch at which a cosine or linear curve ends; default the run's epochs.</summary>
    [Range(1, 2_000_000)]
    public int? Until { get; init; }
    /// <summary>Epochs of linear warm-up at the start of the segment; see <see cref="Schedule"/> for the curve.</summary>
    [Range(0, 1_000_000)]
    public int Warmup { get; init; }
    /// <summary>Step kinds: epochs between two drops; 192 by default for the authors' DVS curve.</summary>
    [Range(1, 1_000_000)]
    public int? Every { get; init; }
    /// <summary>Step kinds: factor of each drop; 0.1 by default for the authors' DVS curve.</summary>
    [Range(0.0, 1e6)]
    public double? Factor { get; init; }
    /// <summary>Clears momentum (and Adam moments) when the segment begins, as a restart of the authors' script does.</summary>
    public bool ResetMomentum { get; init; }
}

/// <summary>Curves of a schedule segment; <see cref="Schedule"/> has the formulas.</summary>
public enum ScheduleKind
{
    /// <summary>The base rate.</summary>
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
