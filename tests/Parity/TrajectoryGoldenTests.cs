using Spikeformer.Autograd;
using Spikeformer.Checkpoints;
using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

/// <summary>Three whole training steps: logits and loss of each, then every parameter and buffer.</summary>
public sealed class TrajectoryGoldenTests
{
    private const int Steps = 3;
    private const string AdamFile = "trajectory_cifar_adam3", SgdFile = "trajectory_imagenet_sgd3";

    [Theory]
    [InlineData(AdamFile, false)]
    [InlineData(SgdFile, false)]
    [InlineData(AdamFile, true)]
    [InlineData(SgdFile, true)]
    public void The_product_trains_like_the_published_float32_run(string file, bool onDevice)
    {
        using var golden = new GoldenCase(file, ScalarType.Float32);
        (NetworkOptions options, Recipe recipe) = Job(file, golden);
        var network = new SpikeformerNetwork(options);
        using var state = new TrainingState(network, recipe);
        golden.Load(state.Parameters);
        golden.Load(state.Running, network.Layout);
        CheckTraining(golden, state, recipe, onDevice ? new SimulatedDevice() : null);
    }

    /// <summary>The batch divided between two workers, which couple BatchNorm and add their gradients over the network. With a batch of one sample, the
    /// first worker has no samples but takes part.</summary>
    [Theory]
    [InlineData(AdamFile)]
    [InlineData(SgdFile)]
    public void Two_workers_train_like_the_published_float32_run(string file)
    {
        using var golden = new GoldenCase(file, ScalarType.Float32);
        (NetworkOptions options, Recipe recipe) = Job(file, golden);
        recipe = recipe with { Shards = 2, BatchNorm = BatchNormMode.Global };
        var network = new SpikeformerNetwork(options);
        using TrainingState first = new(network, recipe), second = new(network, recipe);
        TrainingState[] states = [first, second];
        foreach (TrainingState state in states)
        {
            golden.Load(state.Parameters);
            golden.Load(state.Running, network.Layout);
        }
        (Tensor X, Tensor Y)[] batches = [.. Enumerable.Range(0, Steps).Select(step => (golden.Input($"in/x{step}"), golden.Input($"in/y{step}")))];
        var logits = new Tensor[Steps];
        using var ranks = new Ranks(recipe.Shards, [1, 2], new() { ForceTcp = true });

        CommittedStep[][] committed = ranks.Run(group =>
        {
            TrainingState state = states[group.Plan.OwnRank];
            using var worker = new TrajectoryWorker(group, state, recipe);
            return batches.Select((batch, step) =>
            {
                if (group.Plan.OwnRank == 0)
                    using (no_grad())
                        logits[step] = Forward(network, state.Parameters, batch.X, out _).DetachFromDisposeScope();
                return worker.Step(step, batch.X, batch.Y);
            }).ToArray();
        });

        for (int step = 0; step < Steps; step++)
        {
            golden.CheckValues($"train/logits{step}", logits[step]);
            golden.CheckValues($"train/loss{step}", tensor((float)committed[0][step].Loss));
        }
        Assert.Equal(committed[0].Select(step => step.Digest), committed[1].Select(step => step.Digest));
        Assert.Equal(first.Hash(), second.Hash());
        golden.CheckParameters("after/", second.Parameters, Tolerance);
        golden.CheckBuffers("after/", second.Running, network.Layout);
        golden.CheckNothingIsLeft();
    }

    /// <summary>A run that continues from the authors' checkpoint: weights from a file of torch.save, a later epoch, new moments.</summary>
    [Theory]
    [InlineData(AdamFile)]
    [InlineData(SgdFile)]
    public void Weights_of_a_pth_file_are_trained_in_a_later_epoch_like_the_published_run(string file)
    {
        using var golden = new GoldenCase(file, ScalarType.Float32);
        using var folder = new TemporaryFolder();
        (NetworkOptions options, Recipe recipe) = Job(file, golden);
        var network = new SpikeformerNetwork(options);
        using TrainingState published = new(network, recipe), state = new(network, recipe, firstStep: 7);
        golden.Load(published.Parameters);
        golden.Load(published.Running, network.Layout);
        TorchFile.Write(folder["published.pth"], [.. published.Snapshot().Where(tensor => tensor.Group == StateTensor.NetworkGroup)]);
        state.RestoreNetwork(InitialWeights.Read(folder["published.pth"]).For(network.Layout).ToDictionary(tensor => tensor.Name));
        CheckTraining(golden, state, recipe, device: null);
        Assert.Equal(7 + Steps, state.Step);
    }

    private static void CheckTraining(GoldenCase golden, TrainingState state, Recipe recipe, ComputeDevice? device)
    {
        SpikeformerNetwork network = state.Network;
        using var engine = new ShardEngine(network, state.Parameters, recipe, device);
        for (int step = 0; step < Steps; step++)
        {
            (Tensor x, Tensor y) = (golden.Input($"in/x{step}"), golden.Input($"in/y{step}"));
            int[] samples = [.. Enumerable.Range(0, (int)x.shape[0])];
            using (no_grad())
                golden.CheckValues($"train/logits{step}", Forward(network, state.Parameters, x, out _));

            StepVector vector = engine.Compute(
                new(state.Step, 0, samples.Length), [new(0, samples, x, y)], new LocalBatchNormCoupling(1, [0]))[0];
            CommittedStep committed = state.Apply(new StepPlan(state.Step, 0, step, 1, samples, 0, samples.Length), vector);
            golden.CheckValues($"train/loss{step}", tensor((float)committed.Loss));
        }
        golden.CheckParameters("after/", state.Parameters, Tolerance);
        golden.CheckBuffers("after/", state.Running, network.Layout);
        golden.CheckNothingIsLeft();
    }

    [Theory]
    [InlineData(AdamFile)]
    [InlineData(SgdFile)]
    public void The_network_trained_in_float64_follows_the_published_float64_run(string file)
    {
        using var golden = new GoldenCase(file, ScalarType.Float64);
        (NetworkOptions options, Recipe recipe) = Job(file, golden);
        var network = new SpikeformerNetwork(options);
        ParameterSet parameters = golden.Parameters(network.Layout);
        RunningStatistics running = golden.Running(network.Layout);
        Action update = file == AdamFile
            ? new Reference.Adam(parameters, rate: 1e-3, decay: 1e-4).Update
            : new Reference.Sgd(parameters, rate: 1e-2, momentum: 0.9, decay: 1e-4).Update;
        for (int step = 0; step < Steps; step++)
        {
            (Tensor x, Tensor y) = (golden.Input($"in/x{step}"), golden.Input($"in/y{step}"));
            parameters.ClearGradient();
            Tensor logits = Forward(network, parameters, x, out BatchNormStatistics statistics);
            Tensor loss = Loss.Smoothed(logits, y, recipe.LabelSmoothing, x.shape[0]);
            golden.CheckValues($"train/logits{step}", logits);
            golden.CheckValues($"train/loss{step}", loss);
            Differentiation.Backward([loss]);
            update();
            Reference.UpdateRunning(running, statistics.Mean[0], statistics.Variance[0]);
        }
        golden.CheckParameters("after/", parameters, Tolerance);
        golden.CheckBuffers("after/", running, network.Layout);
        golden.CheckNothingIsLeft();
    }

    private static Tensor Forward(SpikeformerNetwork network, ParameterSet parameters, Tensor x, out BatchNormStatistics statistics)
    {
        statistics = new BatchNormStatistics(network.Layout, shards: 1, coupling: null);
        var pass = new ForwardPass { Parameters = [parameters], Batch = statistics };
        return network.Classify(pass, 0, network.Tokenize(pass, [x])[0]);
    }

    private static double Tolerance(GoldenCase.Expected expected) => expected.IsWide ? 1e-12 : 1e-6;

    private static (NetworkOptions, Recipe) Job(string file, GoldenCase golden)
    {
        bool adam = file == AdamFile;
        return (adam ? TinyNetworks.Cifar : TinyNetworks.ImageNet, new Recipe
        {
            Name = file,
            Epochs = 1,
            Batch = adam ? 2 : 1,
            Shards = 1,
            LabelSmoothing = double.Parse(golden.Metadata["label_smoothing"]),
            Model = new() { DropPath = 0 },
            Data = new() { Kind = DataKind.Synthetic, TimeSteps = 4 },
            Optimizer = new() { Kind = adam ? OptimizerKind.Adam : OptimizerKind.Sgd, WeightDecay = 1e-4 },
            Schedule = [new() { Base = adam ? 1e-3 : 1e-2, Kind = ScheduleKind.Constant }],
        });
    }
}
