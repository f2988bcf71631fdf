using Spikeformer.Autograd;
using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

/// <summary>The three published networks at full size in float64, with weights and inputs from a hash that both sides compute.</summary>
public sealed class FullSizeGoldenTests
{
    private const string Data = "fullsize_hashed_params";
    private const int Target = 3;

    [Theory]
    [InlineData("dvscifar10", "PLIF_spikeformer_7_3x2x3", 0.14)]
    [InlineData("dvsgesture", "PLIF_spikeformer_7_5x3x1", 0.0)]
    [InlineData("imagenet", "PLIAF_spikeformer_7_3x2x4", 0.1)]
    public void Real_network_agrees(string job, string name, double smoothing)
    {
        if (job == "imagenet") TestData.RequireLong();
        LibTorch.UseOnThisThread(1);
        using var scope = NewDisposeScope();
        PublishedVariant variant = PublishedVariants.Find(name)!;
        SpikeformerNetwork network = PublishedNetworks.Build(variant);
        StateLayout layout = network.Layout;
        using ParameterSet parameters = ParameterSet.Create(layout, ScalarType.Float64);
        using var running = new RunningStatistics(layout, ScalarType.Float64);
        HashedState.Fill(parameters, running);
        Tensor x = HashedState.Input(variant);
        GoldenFile golden = GoldenFile.Load(Data);
        Close.Check("in/x_first8", golden[$"{job}/in/x_first8"].AsDouble(), x.flatten().narrow(0, 0, 8), 1e-12);
        Tensor convolution = ParameterSet.View(parameters.Values, layout.Parameters.First(entry => entry.Shape.Count == 4));
        Close.Check("in/state_first_conv_first4", golden[$"{job}/in/state_first_conv_first4"].AsDouble(),
            convolution.flatten().narrow(0, 0, 4), 1e-12);
        CheckSum("in/x_sum", x);
        CheckSum("in/x_abs_sum", x.abs());

        var table = new Table(job);
        var moments = new MomentRecorder(layout);
        using (ParameterSet leaves = parameters.WithOwnGradient())
        using (NewDisposeScope())
        {
            var pass = new ForwardPass
            {
                Parameters = [leaves],
                Batch = new BatchNormStatistics(layout, shards: 1, moments),
                Observe = (tap, values) =>
                {
                    // The observer also receives the convolutions' inputs and spikes, which the file does not have.
                    if (table.Has("activation", tap)) table.Check("activation", tap, values);
                },
            };
            Tensor logits = network.Classify(pass, 0, network.Tokenize(pass, [x])[0]);
            Tensor loss = Loss.Smoothed(logits, tensor([(long)Target]), smoothing, 1);
            Close.Check("train/logits", golden[$"{job}/train/logits"].AsDouble(), logits.flatten(), 1e-9);
            Close.Check("train/loss", golden[$"{job}/train/loss"].AsDouble(), loss, 1e-9);
            Differentiation.Backward([loss]);
            foreach (StateEntry entry in layout.Parameters)
                table.Check("grad", entry.Name, ParameterSet.View(leaves.Gradient!, entry));
        }
        table.CheckNothingIsLeft();

        Reference.UpdateRunning(running, moments.Mean, moments.Variance);
        Tensor evaluated = network.Evaluate(parameters, running, x);
        Close.Check("eval logits", golden[$"{job}/eval_after_one_train_forward/logits"].AsDouble(), evaluated.flatten(), 1e-9);

        void CheckSum(string key, Tensor values)
        {
            double expected = golden[$"{job}/{key}"].AsDouble()[0];
            // The input has an image once, and the network repeats it. The file counts it at every time step.
            double repeats = (double)variant.TimeSteps / values.shape[1];
            Close.Check(key, [expected], values.sum() * repeats, 1e-9 * Math.Max(1, Math.Abs(expected)));
        }
    }

    /// <summary>A coupling that only records BatchNorm's float64 statistics. The product keeps them in float32, which is too coarse for the evaluation
    /// that follows.</summary>
    private sealed class MomentRecorder(StateLayout layout) : IBatchNormCoupling
    {
        public double[] Mean { get; } = new double[layout.StatisticsCount];
        public double[] Variance { get; } = new double[layout.StatisticsCount];

        public BatchMoments Merge(BatchNormLayer layer, IReadOnlyList<BatchMoments> own)
        {
            BatchMoments moments = Assert.Single(own);
            for (int c = 0; c < layer.Channels; c++)
            {
                Mean[layer.Offset + c] = moments.Mean[c];
                Variance[layer.Offset + c] = moments.SquaredDeviations[c] / (moments.Count - 1);
            }
            return moments;
        }

        public GradientSums Merge(BatchNormLayer layer, IReadOnlyList<GradientSums> own) => Assert.Single(own);
    }

    /// <summary>The rows of one job: shape, sum, Euclidean norm, first and last element of activations and gradients.</summary>
    private sealed class Table(string job)
    {
        private readonly Dictionary<(string Kind, string Name), string[]> _rows =
            PublishedNetworks.Rows(Data + ".csv").Where(cells => cells[0] == job).ToDictionary(cells => (cells[1], cells[2]));

        public bool Has(string kind, string name) => _rows.ContainsKey((kind, name));

        public void Check(string kind, string name, Tensor values)
        {
            Assert.True(_rows.Remove((kind, name), out string[]? cells), $"no row {kind} {name}");
            Assert.Equal(PublishedNetworks.Shape(cells[3]), values.shape);
            // Softmax cancels this bias, so its gradient is 0 and the row contains rounding errors.
            if (name == "model.attention_pool.bias") return;
            using var scope = NewDisposeScope();
            Tensor flat = values.detach().flatten();
            double norm = PublishedNetworks.Number(cells[5]);
            Tensor actual = stack([flat.sum(), flat.norm(), flat[0], flat[-1]]);
            double[] expected =
                [PublishedNetworks.Number(cells[4]), norm, PublishedNetworks.Number(cells[6]), PublishedNetworks.Number(cells[7])];
            Close.Check($"{kind} {name} (sum, norm, first, last)", expected, actual, 1e-7 * norm);
        }

        public void CheckNothingIsLeft() => Assert.Empty(_rows);
    }

    /// <summary>The hash rules of Golden/README.md.</summary>
    private static class HashedState
    {
        private static readonly double s_rootOf12 = Math.Sqrt(12);

        public static void Fill(ParameterSet parameters, RunningStatistics running)
        {
            StateLayout layout = parameters.Layout;
            for (int k = 0; k < layout.Entries.Count; k++)
            {
                StateEntry entry = layout.Entries[k];
                if (entry.Kind == StateKind.BatchCount) continue;
                Tensor flat = entry.Kind switch
                {
                    StateKind.Parameter => parameters.Values,
                    StateKind.RunningMean => running.Mean,
                    _ => running.Variance,
                };
                Span<double> values = TensorMemory.Span<double>(flat).Slice((int)entry.Offset, (int)entry.Length);
                (double offset, double factor) = Rule(entry);
                for (int i = 0; i < values.Length; i++) values[i] = offset + factor * Uniform((uint)i, (uint)k + 1);
            }
            running.BatchCount = 0;
        }

        public static Tensor Input(PublishedVariant variant)
        {
            bool isImage = variant.InputChannels == 3;
            long[] shape = [1, isImage ? 1 : variant.TimeSteps, variant.InputChannels, variant.ImageSide, variant.ImageSide];
            Tensor x = zeros(shape, ScalarType.Float64);
            Span<double> values = TensorMemory.Span<double>(x);
            for (int i = 0; i < values.Length; i++)
            {
                double u = Uniform((uint)i, 0);
                values[i] = isImage ? s_rootOf12 * u : Math.Max(Math.Floor(8 * (u + 0.5)) - 5, 0);
            }
            return x;
        }

        private static (double Offset, double Factor) Rule(StateEntry entry)
        {
            string name = entry.Name;
            bool isWeight = name.EndsWith(".weight");
            long fanIn = entry.Shape.Skip(1).Aggregate(1L, (product, size) => product * size);
            if (entry.Shape.Count == 4) return (0, s_rootOf12 * Math.Sqrt(2.0 / fanIn));
            if (entry.Kind == StateKind.RunningMean) return (0, 0.2);
            if (entry.Kind == StateKind.RunningVariance) return (1, 0.8);
            if (entry.Shape.Count == 0) return (0.25, 1.5);
            if (name is "model.pos_embed" or "model.time_embed") return (0, 1);
            if (entry.Shape.Count == 2) return (0, s_rootOf12 / Math.Sqrt(fanIn) * (name.EndsWith("mlp.mlp.0.0.weight") ? 2 : 1));
            if (name.Contains("norm")) return isWeight ? (1, 0.4) : (0, 0.2);
            if (name.Contains("patch_embed")) return isWeight ? (1.7, 1.4) : (0.45, 0.9);
            return (0, 0.2);
        }

        private static double Uniform(uint i, uint stream)
        {
            uint h = unchecked(i * 2654435761 + stream * 2246822519);
            h ^= h >> 15;
            h = unchecked(h * 2246822519);
            h ^= h >> 13;
            return h / 4294967296.0 - 0.5;
        }
    }
}
