using Spikeformer.Autograd;
using Spikeformer.Network;
using Spikeformer.Neurons;
using Spikeformer.Recipes;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

public sealed class ModuleGoldenTests
{
    private static readonly NeuronOptions s_plif = new(), s_pliaf = new() { Kind = NeuronKind.Pliaf };

    private static readonly Dictionary<string, Func<StateLayout, SewBlock>> s_sewBlocks = new()
    {
        ["sewblock_plif_k3_s2"] = layout => new(layout, "", inputs: 2, outputs: 6, kernel: 3, stride: 2, s_plif),
        ["sewblock_plif_k5_s2"] = layout => new(layout, "", inputs: 2, outputs: 6, kernel: 5, stride: 2, s_plif),
        ["sewblock_plif_k3_s1_identity"] = layout => new(layout, "", inputs: 6, outputs: 6, kernel: 3, stride: 1, s_plif),
        ["sewblock_pliaf_k3_s2"] = layout => new(layout, "", inputs: 3, outputs: 6, kernel: 3, stride: 2, s_pliaf),
    };

    private static readonly Dictionary<string, NetworkOptions> s_tokenizers = new()
    {
        ["tokenizer_5x3x1_plif"] = new() { Kernel = 5, Strides = [2, 2, 2], Width = 16, InputChannels = 2 },
        ["tokenizer_3x2x3_plif"] = new() { Kernel = 3, Strides = [2, 1, 2, 1, 2, 1], Width = 16, InputChannels = 2 },
        ["tokenizer_3x2x4_pliaf"] = new()
        {
            Kernel = 3, Strides = [2, 1, 2, 1, 2, 1, 2, 1], Width = 16, InputChannels = 3, Neuron = s_pliaf,
        },
    };

    private static readonly NetworkOptions s_block = new() { Width = 8, Heads = 2, Depth = 2 };

    private static Arithmetic[] Arithmetics => Enum.GetValues<Arithmetic>();

    public static MatrixTheoryData<string, Arithmetic> SewBlocks => new(s_sewBlocks.Keys, Arithmetics);
    public static MatrixTheoryData<string, Arithmetic> Tokenizers => new(s_tokenizers.Keys, Arithmetics);
    public static MatrixTheoryData<string, Arithmetic> Mlps => new(["mlp_plif_dim8_hidden16", "mlp_pliaf_dim8_hidden24"], Arithmetics);
    public static MatrixTheoryData<string, Arithmetic> Blocks => new(["block_plif_dim8_h2", "block_pliaf_dim8_h2"], Arithmetics);
    public static TheoryData<Arithmetic> EachArithmetic => [.. Arithmetics];

    [Theory]
    [MemberData(nameof(SewBlocks))]
    public void SewBlock_agrees(string file, Arithmetic arithmetic)
    {
        using var golden = new GoldenCase(file, arithmetic);
        var layout = new StateLayout();
        SewBlock block = s_sewBlocks[file](layout);
        CheckTokenizing(golden, layout, spikes: !file.Contains("pliaf"), (pass, x) =>
            block.Forward(pass, [x.permute(0, 1, 3, 4, 2).contiguous()])[0].permute(0, 1, 4, 2, 3));
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Tokenizer_agrees(string file, Arithmetic arithmetic)
    {
        using var golden = new GoldenCase(file, arithmetic);
        var layout = new StateLayout();
        var tokenizer = new Tokenizer(layout, "", s_tokenizers[file]);
        CheckTokenizing(golden, layout, spikes: !file.Contains("pliaf"), (pass, x) =>
        {
            TokenGrid tokens = tokenizer.Forward(pass, [x])[0];
            Assert.Equal((golden.Metadata["T"], golden.Metadata["W"]), ($"{tokens.TimeSteps}", $"{tokens.Columns}"));
            return tokens.Values_GNE;
        }, single: 1e-4);
    }

    [Theory]
    [MemberData(nameof(EachArithmetic))]
    public void Attention_agrees(Arithmetic arithmetic)
    {
        using var golden = new GoldenCase("attention_dim12_h3", arithmetic);
        var layout = new StateLayout();
        var attention = new Attention(layout, "", width: 12, heads: 3);
        CheckBranch(golden, layout, (pass, x) => attention.Forward(pass.Parameters[0], x));
    }

    [Theory]
    [MemberData(nameof(Mlps))]
    public void Mlp_agrees(string file, Arithmetic arithmetic)
    {
        using var golden = new GoldenCase(file, arithmetic);
        var layout = new StateLayout();
        var mlp = file.Contains("pliaf")
            ? new Mlp(layout, "", width: 8, hidden: 24, s_pliaf)
            : new Mlp(layout, "", width: 8, hidden: 16, s_plif);
        CheckBranch(golden, layout, (pass, x) => mlp.Forward(pass.Parameters[0], x));
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public void TransformerBlock_agrees(string file, Arithmetic arithmetic)
    {
        using var golden = new GoldenCase(file, arithmetic);
        bool analog = file.Contains("pliaf");
        var layout = new StateLayout();
        var block = new TransformerBlock(layout, "", index: 0, s_block with
        {
            Neuron = analog ? s_pliaf : s_plif,
            MlpRatio = (int)golden.ShapeOf("param/mlp.mlp.0.0.bias")[0] / s_block.Width,
        });
        CheckBranch(golden, layout, (pass, x) => block.Forward(pass, 0, x, int.Parse(golden.Metadata["T"])));
    }

    [Theory]
    [MemberData(nameof(EachArithmetic))]
    public void TransformerBlock_with_drop_path_agrees_for_the_same_draws(Arithmetic arithmetic)
    {
        using var golden = new GoldenCase("block_plif_droppath0.4", arithmetic);
        var layout = new StateLayout();
        // The last of two blocks has the whole rate.
        var block = new TransformerBlock(layout, "", index: 1, s_block with { DropPath = 0.4 });
        var draws = new GivenDraws(golden.Floats("in/u_temporal"), golden.Floats("in/u_spatial"), golden.Floats("in/u_mlp"));
        CheckTraining(golden, layout, new ForwardPass { Parameters = [golden.Parameters(layout)], DropPath = [draws] },
            (pass, x) => block.Forward(pass, 0, x, int.Parse(golden.Metadata["T"])), y => golden.CheckValues("train/y", y));
        golden.CheckNothingIsLeft();
    }

    private sealed class GivenDraws(float[] temporal, float[] spatial, float[] mlp) : IDropPathDraws
    {
        public float[] Temporal(int block, int batch, int tokens) => OfLength(temporal, batch * tokens);
        public float[] Spatial(int block, int batch, int timeSteps) => OfLength(spatial, batch * timeSteps);
        public float[] Mlp(int block, int batch, int timeSteps) => OfLength(mlp, timeSteps);

        private static float[] OfLength(float[] draws, int length)
        {
            Assert.Equal(length, draws.Length);
            return draws;
        }
    }

    /// <summary>A module with BatchNorm: evaluation, training, gradients, running statistics.</summary>
    private static void CheckTokenizing(
        GoldenCase golden, StateLayout layout, bool spikes, Func<ForwardPass, Tensor, Tensor> forward, double single = 1e-5)
    {
        ParameterSet parameters = golden.Parameters(layout);
        RunningStatistics running = golden.Running(layout);
        var evaluation = new ForwardPass { Parameters = [parameters], Running = running };
        CheckEvaluation(golden, evaluation, forward, y => Check("eval/y", y));
        var statistics = new BatchNormStatistics(layout, shards: 1, coupling: null);
        CheckTraining(golden, layout, new ForwardPass { Parameters = [parameters], Batch = statistics }, forward, y => Check("train/y", y));
        Reference.UpdateRunning(running, statistics.Mean[0], statistics.Variance[0]);
        golden.CheckBuffers("train/buffer_after/", running, layout);
        golden.CheckNothingIsLeft();

        void Check(string key, Tensor y)
        {
            if (spikes) golden.CheckSpikes(key, y);
            else golden.CheckValues(key, y, single);
        }
    }

    /// <summary>A module without BatchNorm: evaluation, training, gradients.</summary>
    private static void CheckBranch(GoldenCase golden, StateLayout layout, Func<ForwardPass, Tensor, Tensor> forward)
    {
        var pass = new ForwardPass { Parameters = [golden.Parameters(layout)] };
        CheckEvaluation(golden, pass, forward, y => golden.CheckValues("eval/y", y));
        CheckTraining(golden, layout, pass, forward, y => golden.CheckValues("train/y", y));
        golden.CheckNothingIsLeft();
    }

    private static void CheckEvaluation(
        GoldenCase golden, ForwardPass pass, Func<ForwardPass, Tensor, Tensor> forward, Action<Tensor> check)
    {
        using var noGrad = no_grad();
        check(forward(pass, golden.Input("in/x")));
    }

    private static void CheckTraining(
        GoldenCase golden, StateLayout layout, ForwardPass pass, Func<ForwardPass, Tensor, Tensor> forward, Action<Tensor> check)
    {
        Tensor x = golden.Input("in/x").requires_grad_(true);
        Tensor y = forward(pass, x);
        check(y);
        Differentiation.Backward([y], [golden.Input("in/gy")]);
        golden.CheckGradient("grad/x", x.grad!);
        golden.CheckGradients(pass.Parameters[0].Gradient!, layout);
    }
}
