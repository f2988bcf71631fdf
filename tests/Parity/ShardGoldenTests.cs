using Spikeformer.Autograd;
using Spikeformer.Network;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

/// <summary>A batch of four in two shards. BatchNorm per shard is plain data parallelism; coupled BatchNorm equals the whole batch.</summary>
public sealed class ShardGoldenTests
{
    private const string Data = "ddp_two_shards_gesture";
    private const int Shards = 2, PerShard = 2;

    // Three time steps in a network for four, so the time table is resized.
    private static readonly NetworkOptions s_network = TinyNetworks.Gesture;

    public static TheoryData<Arithmetic> Arithmetics => [.. Enum.GetValues<Arithmetic>()];

    [Theory]
    [MemberData(nameof(Arithmetics))]
    public void Shards_with_their_own_statistics_and_with_coupled_ones_give_the_published_logits_gradients_and_buffers(Arithmetic arithmetic)
    {
        using var golden = new GoldenCase(Data, arithmetic);
        var network = new SpikeformerNetwork(s_network);
        ParameterSet parameters = golden.Parameters(network.Layout);
        using ParameterSet second = parameters.WithOwnGradient();
        ParameterSet[] leaves = [parameters, second];
        (Tensor[] x, Tensor[] y) = Halves(golden);

        Tensor[] logits = Train(network, leaves, x, y, coupling: null, out BatchNormStatistics own);
        for (int s = 0; s < Shards; s++)
        {
            golden.CheckValues($"shard{s}/logits", logits[s]);
            golden.CheckValues($"shard{s}/loss", Loss.Smoothed(logits[s], y[s], smoothing: 0, PerShard));
            CheckBuffers($"shard{s}/buffer_after/", own, s);
        }
        golden.CheckGradients(parameters.Gradient! + second.Gradient!, network.Layout, "mean_grad_localbn/");

        logits = Train(network, leaves, x, y, new LocalBatchNormCoupling(Shards, [0, 1]), out BatchNormStatistics coupled);
        golden.CheckValues("syncbn/logits", cat(logits));
        golden.CheckValues("syncbn/loss", Loss.Smoothed(cat(logits), cat(y), smoothing: 0, Shards * PerShard));
        golden.CheckGradients(parameters.Gradient! + second.Gradient!, network.Layout, "mean_grad_syncbn/");
        for (int s = 0; s < Shards; s++) CheckBuffers("syncbn/buffer_after/", coupled, s);
        golden.CheckNothingIsLeft();

        void CheckBuffers(string prefix, BatchNormStatistics statistics, int shard)
        {
            RunningStatistics running = golden.Running(network.Layout);
            Reference.UpdateRunning(running, statistics.Mean[shard], statistics.Variance[shard]);
            golden.CheckBuffers(prefix, running, network.Layout);
        }
    }

    [Theory]
    [InlineData(BatchNormMode.Shard, "mean_grad_localbn/", false)]
    [InlineData(BatchNormMode.Global, "mean_grad_syncbn/", false)]
    [InlineData(BatchNormMode.Shard, "mean_grad_localbn/", true)]
    [InlineData(BatchNormMode.Global, "mean_grad_syncbn/", true)]
    public void The_engine_gives_the_published_gradients_losses_and_statistics(BatchNormMode mode, string gradients, bool onDevice)
    {
        using var golden = new GoldenCase(Data, ScalarType.Float32);
        var network = new SpikeformerNetwork(s_network);
        ParameterSet parameters = golden.Parameters(network.Layout);
        var recipe = new Recipe
        {
            Name = Data, Epochs = 1, Batch = Shards * PerShard, Shards = Shards, BatchNorm = mode, Model = new() { DropPath = 0 },
            Data = new() { Kind = DataKind.Synthetic, TimeSteps = 4 }, Optimizer = new() { Kind = OptimizerKind.Adam }, Schedule = [],
        };
        (Tensor[] x, Tensor[] y) = Halves(golden);
        using var engine = new ShardEngine(network, parameters, recipe, onDevice ? new SimulatedDevice() : null);
        ShardInput[] inputs = [.. Enumerable.Range(0, Shards).Select(s => new ShardInput(s, [2 * s, 2 * s + 1], x[s], y[s]))];
        IReadOnlyList<StepVector> vectors = engine.Compute(
            new(Step: 0, Epoch: 0, Samples: Shards * PerShard), inputs, new LocalBatchNormCoupling(Shards, [0, 1]));

        golden.CheckGradients(vectors[0].Gradient + vectors[1].Gradient, network.Layout, gradients);
        if (mode == BatchNormMode.Global) golden.CheckValues("syncbn/loss", tensor(vectors[0].Loss + vectors[1].Loss));
        for (int s = 0; s < Shards; s++)
        {
            // A shard's loss is its part of the global mean.
            if (mode == BatchNormMode.Shard) golden.CheckValues($"shard{s}/loss", tensor(vectors[s].Loss * Shards));
            RunningStatistics running = golden.Running(network.Layout);
            Reference.UpdateRunning(running, vectors[s].BatchMeans.ToArray(), vectors[s].BatchVariances.ToArray());
            golden.CheckBuffers(mode == BatchNormMode.Shard ? $"shard{s}/buffer_after/" : "syncbn/buffer_after/", running, network.Layout);
        }
    }

    /// <summary>Computes both shards in lockstep through the tokenizer, as the engine does. The leaves receive the gradients.</summary>
    private static Tensor[] Train(
        SpikeformerNetwork network, ParameterSet[] leaves, Tensor[] x, Tensor[] y, IBatchNormCoupling? coupling,
        out BatchNormStatistics statistics)
    {
        foreach (ParameterSet set in leaves) set.ClearGradient();
        statistics = new BatchNormStatistics(network.Layout, Shards, coupling);
        var pass = new ForwardPass { Parameters = leaves, Batch = statistics };
        TokenGrid[] tokens = network.Tokenize(pass, x);
        Tensor[] logits = [.. tokens.Select((grid, s) => network.Classify(pass, s, grid))];
        Differentiation.Backward([.. logits.Select((shard, s) => Loss.Smoothed(shard, y[s], smoothing: 0, Shards * PerShard))]);
        return logits;
    }

    private static (Tensor[] X, Tensor[] Y) Halves(GoldenCase golden) =>
        (golden.Input("in/x").chunk(Shards), golden.Input("in/y").chunk(Shards));
}
