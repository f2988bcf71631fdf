using Spikeformer.Autograd;
using Spikeformer.Network;
using Spikeformer.Neurons;
using Spikeformer.Recipes;
using Spikeformer.Training;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

public sealed class ModelGoldenTests
{
    private static Arithmetic[] Arithmetics => Enum.GetValues<Arithmetic>();

    public static MatrixTheoryData<string, Arithmetic> Models =>
        new(["model_gesture_tiny", "model_cifar_tiny", "model_imagenet_tiny"], Arithmetics);

    public static TheoryData<Arithmetic> EachArithmetic => [.. Arithmetics];

    [Theory]
    [MemberData(nameof(Models))]
    public void Network_agrees_in_evaluation_and_training(string file, Arithmetic arithmetic)
    {
        using var golden = new GoldenCase(file, arithmetic);
        var network = new SpikeformerNetwork(TinyNetworks.Described(golden.Metadata));
        ParameterSet parameters = golden.Parameters(network.Layout);
        RunningStatistics running = golden.Running(network.Layout);
        Tensor x = golden.Input("in/x"), y = golden.Input("in/y");
        double smoothing = double.Parse(golden.Metadata["label_smoothing"]);

        Tensor evaluated = network.Evaluate(parameters, running, x);
        golden.CheckValues("eval/logits", evaluated);
        golden.CheckValues("eval/loss", Loss.Smoothed(evaluated, y, smoothing, x.shape[0]));

        var statistics = new BatchNormStatistics(network.Layout, shards: 1, coupling: null);
        var pass = new ForwardPass
        {
            Parameters = [parameters],
            Batch = statistics,
            Observe = (name, tensor) =>
            {
                if (name == "tokens" && !network.Options.Neuron.IsAnalog) golden.CheckSpikes("train/tokens", tensor);
                // The tokens of a deep analogue tokenizer need a larger tolerance.
                else if (name is "tokens" or "block0" or "block1")
                    golden.CheckValues("train/" + name, tensor, name == "tokens" ? 1e-4 : 1e-5);
            },
        };
        x.requires_grad_(true);
        Tensor logits = network.Classify(pass, 0, network.Tokenize(pass, [x])[0]);
        Tensor loss = Loss.Smoothed(logits, y, smoothing, x.shape[0]);
        golden.CheckValues("train/logits", logits);
        golden.CheckValues("train/loss", loss);
        Differentiation.Backward([loss]);
        golden.CheckGradient("grad_x", x.grad!);
        golden.CheckGradients(parameters.Gradient!, network.Layout);

        Reference.UpdateRunning(running, statistics.Mean[0], statistics.Variance[0]);
        golden.CheckBuffers("train/buffer_after/", running, network.Layout);
        golden.CheckNothingIsLeft();
    }

    [Theory]
    [MemberData(nameof(EachArithmetic))]
    public void Network_fed_other_frame_sizes_and_more_steps_resizes_its_tables(Arithmetic arithmetic)
    {
        using var golden = new GoldenCase("model_gesture_resized_input", arithmetic);
        var network = new SpikeformerNetwork(TinyNetworks.Gesture);
        Tensor logits = network.Evaluate(golden.Parameters(network.Layout), golden.Running(network.Layout), golden.Input("in/x"));
        golden.CheckValues("eval/logits", logits);
        golden.CheckNothingIsLeft();
    }
}

/// <summary>The small networks of the golden files.</summary>
internal static class TinyNetworks
{
    public static readonly NetworkOptions Gesture = new()
    {
        Kernel = 5, Strides = [2, 2, 2], Width = 16, Depth = 2, Heads = 2, MlpRatio = 2, DropPath = 0, TimeSteps = 4, InputChannels = 2,
        Height = 32, FrameWidth = 32, Classes = 11,
    };

    public static readonly NetworkOptions Cifar = Gesture with { Kernel = 3, Strides = [2, 1, 2, 1, 2, 1], Classes = 10 };

    public static readonly NetworkOptions ImageNet = Cifar with
    {
        Neuron = new NeuronOptions { Kind = NeuronKind.Pliaf },
        Strides = [2, 1, 2, 1, 2, 1, 2, 1],
        MlpRatio = 3,
        InputChannels = 3,
        Classes = 12,
    };

    /// <summary>Returns the network of a file's metadata: one of the three above.</summary>
    public static NetworkOptions Described(IReadOnlyDictionary<string, string> metadata)
    {
        int[] strides = [.. metadata["stride"].Split(',').Select(int.Parse)];
        int blocks = int.Parse(metadata["n_conv_layers"]);
        NetworkOptions options = metadata["act"] == "PLIAF" ? ImageNet : blocks == 3 ? Gesture : Cifar;
        Assert.Equal(strides.Length == 1 ? Enumerable.Repeat(strides[0], blocks) : strides, options.Strides);
        Check("kernel", options.Kernel);
        Check("img", options.Height);
        Check("classes", options.Classes);
        Check("depth", options.Depth);
        Check("heads", options.Heads);
        Check("mlp_ratio", options.MlpRatio);
        Check("embed", options.Width);
        Check("frames", options.TimeSteps);
        return options;

        void Check(string key, int value) => Assert.Equal(int.Parse(metadata[key]), value);
    }
}
