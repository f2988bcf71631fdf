using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Network;
using Spikeformer.Recipes;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Network;

public sealed class OperationCountsTests
{
    // 2x8x8 frames, stride 2, then tokens of 4x4: small enough to count by hand.
    private static readonly NetworkOptions s_options = new()
    {
        Strides = [2], Width = 4, Depth = 1, Heads = 2, MlpRatio = 2, TimeSteps = 3, Height = 8, FrameWidth = 8, InputChannels = 2, Classes = 5,
    };

    private static ActivityCounter Activity(double input, double spikes)
    {
        var activity = new ActivityCounter();
        foreach (string unit in new[] { "residual_function.0", "residual_function.1", "shortcut.1" })
        {
            See($"model.patch_embed.conv_layers.0.{unit}.input", input);
            See($"model.patch_embed.conv_layers.0.{unit}.spikes", spikes);
        }
        See("model.blocks.0.mlp.spikes", spikes);
        return activity;

        // Half of the values are 0, so that their mean is half the others.
        void See(string name, double mean)
        {
            using var values = TorchSharp.torch.tensor([0f, (float)(2 * mean)]);
            activity.Add(name, values);
        }
    }

    [Fact]
    public void The_counts_of_a_small_network_equal_the_hand_count()
    {
        OperationCounts counts = OperationCounts.Of(s_options, Activity(input: 0.25, spikes: 0.5));
        Dictionary<string, LayerOperations> layers = counts.Layers.ToDictionary(layer => layer.Name);
        const double Positions = 3 * 4 * 4, N = 16, T = 3, E = 4;
        // The inputs of the first unit and of the shortcut are frames, so they multiply.
        Assert.Equal((Positions * 9 * 2 * 4, Positions * 9 * 2 * 4, 0.0), Of("patch_embed.conv_layers.0.residual_function.0"));
        Assert.Equal((Positions * 2 * 4, Positions * 2 * 4, 0.0), Of("patch_embed.conv_layers.0.shortcut.1"));
        Assert.Equal((Positions * 9 * 4 * 4, 0.0, Positions * 9 * 4 * 4 * 0.25), Of("patch_embed.conv_layers.0.residual_function.1"));
        Assert.Equal((T * N * 4 * E * E + 2 * N * T * T * E, 0.0), (layers["blocks.0.temporal_attn"].Macs, layers["blocks.0.temporal_attn"].Acs));
        Assert.Equal((T * N * 4 * E * E + 2 * T * N * N * E, 0.0), (layers["blocks.0.attn"].Macs, layers["blocks.0.attn"].Acs));
        Assert.Equal((T * N * E * 8, T * N * E * 8, 0.0), Of("blocks.0.mlp.0"));
        Assert.Equal((T * N * 8 * E, 0.0, T * N * 8 * E * 0.5), Of("blocks.0.mlp.2"));
        Assert.Equal((5 * E, 5 * E, 0.0), Of("head"));
        Assert.Equal((4.6 * counts.Macs + 0.9 * counts.Acs) / 1e6, counts.Microjoules);
        Assert.Equal(0.5, layers["blocks.0.mlp.0"].Spikes!.Value.Mean);

        (double, double, double) Of(string name) => (layers[name].Dense, layers[name].Macs, layers[name].Acs);
    }

    [Fact]
    public void A_pooled_spike_is_added_once_and_analog_neurons_multiply()
    {
        NetworkOptions deeper = s_options with { Strides = [1, 2], Width = 8 };
        OperationCounts spiking = OperationCounts.Of(deeper, TwoBlocks()), analog = OperationCounts.Of(deeper with { Neuron = new() { Kind = NeuronKind.Pliaf } }, TwoBlocks());
        LayerOperations shortcut = spiking.Layers.Single(layer => layer.Name == "patch_embed.conv_layers.1.shortcut.1");
        Assert.Equal(shortcut.Dense * 0.25 * 4, shortcut.Acs);
        LayerOperations second = analog.Layers.Single(layer => layer.Name == "patch_embed.conv_layers.1.residual_function.1");
        Assert.Equal((second.Dense * 0.5, 0.0), (second.Macs, second.Acs));

        static ActivityCounter TwoBlocks()
        {
            ActivityCounter activity = Activity(0.25, 0.5);
            using var values = TorchSharp.torch.tensor([0f, 0.5f]);
            foreach (string unit in new[] { "residual_function.0", "residual_function.1", "shortcut.1" })
                foreach (string what in new[] { "input", "spikes" })
                    activity.Add($"model.patch_embed.conv_layers.1.{unit}.{what}", values);
            return activity;
        }
    }

    [Fact]
    public void Observing_an_evaluation_changes_no_bit_and_reports_every_layer()
    {
        Recipe recipe = RecipeCatalogue.Load("demo", ["data.trainSamples=22", "data.testSamples=22", "model.width=32", "data.canvas=[16,16]", "batch=6"]);
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, null, null);
        var network = new SpikeformerNetwork(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        using var state = new TrainingState(network, recipe);
        var details = new EvaluationDetails(11);
        EvaluationResult plain = Evaluation.Run(network, state.Parameters, state.Running, dataset, Split.Test, recipe);
        Assert.Equal(plain, Evaluation.Run(network, state.Parameters, state.Running, dataset, Split.Test, recipe, details: details));

        Assert.Equal(22, details.Confusion.Cast<long>().Sum());
        Assert.Equal(plain.Top1, Enumerable.Range(0, 11).Sum(label => details.Confusion[label, label]));
        for (int label = 0; label < 11; label++)
            Assert.Equal(Enumerable.Range(0, 22).Count(i => dataset.Label(Split.Test, i) == label), Enumerable.Range(0, 11).Sum(predicted => details.Confusion[label, predicted]));
        OperationCounts counts = OperationCounts.Of(network.Options, details.Activity);
        Assert.Equal(4 * 3 - 1 - 1 + 5 + 2, counts.Layers.Count); // blocks 1 and 3 need no shortcut
        // Binary spikes: their mean is the share of neurons that fire.
        Assert.All(counts.Layers.Where(layer => layer.Spikes is not null), layer => Assert.Equal(layer.Spikes!.Value.NonZero, layer.Spikes.Value.Mean));
        Assert.All(counts.Layers, layer => Assert.InRange(layer.Macs + layer.Acs, 0, 2 * layer.Dense));
        Assert.InRange(counts.Microjoules, 0.01 * counts.DenseMicrojoules, counts.DenseMicrojoules);
    }

    [Fact]
    public void The_reference_loss_is_the_mean_of_the_means_of_batches_in_order()
    {
        Recipe recipe = RecipeCatalogue.Load("demo", ["data.trainSamples=22", "data.testSamples=22", "model.width=32", "data.canvas=[16,16]", "batch=6"]);
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, null, null);
        var network = new SpikeformerNetwork(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        using var state = new TrainingState(network, recipe);
        EvaluationResult result = Evaluation.Run(network, state.Parameters, state.Running, dataset, Split.Test, recipe);

        // One shard in batches of 6 is the authors' order: 6, 6, 6 and 4 samples.
        var plans = new EvaluationPlans(22, shards: 1, microBatch: 6);
        using var loader = new BatchLoader(dataset, Split.Test, plans, null);
        double sum = 0;
        for (int step = 0; step < 4; step++)
        {
            using StepBatch batch = loader.Load(step, [0]);
            using var logits = network.Evaluate(state.Parameters, state.Running, batch.Inputs[0].X_BTCHW!);
            sum += Loss.PerSample(logits, batch.Inputs[0].Y_B!).Average();
        }
        Assert.Equal(sum / 4, result.ReferenceLoss(6), 1e-6);
        Assert.NotEqual(result.Loss, result.ReferenceLoss(6), 1e-6);
    }
}
