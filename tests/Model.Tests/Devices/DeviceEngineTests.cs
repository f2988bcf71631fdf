using Spikeformer.Model.Tests.Training;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Devices;

/// <summary>The engine on a device with its own memory, simulated by the CPU.</summary>
public sealed class DeviceEngineTests
{
    private const int Samples = 14;
    private const float Rounding = 2e-5f;

    [Theory]
    [InlineData(BatchNormMode.Global, NeuronKind.Plif)]
    [InlineData(BatchNormMode.Global, NeuronKind.Pliaf)]
    [InlineData(BatchNormMode.Shard, NeuronKind.Plif)]
    [InlineData(BatchNormMode.Shard, NeuronKind.Lif)]
    public void A_device_gives_the_step_vectors_of_the_CPU_to_rounding(BatchNormMode mode, NeuronKind neuron) =>
        DeviceAgreement.AssertClose(mode, neuron, new SimulatedDevice(), Rounding);

    [Fact]
    public void In_bf16_a_device_gives_nearly_the_gradient_of_the_CPU() => DeviceAgreement.AssertNearInBf16(new SimulatedDevice());

    [Fact]
    public void In_fp16_a_device_gives_nearly_the_gradient_of_float32_on_the_CPU() => DeviceAgreement.AssertNearInFp16(new SimulatedDevice());

    [Theory]
    [InlineData(BatchNormMode.Global)]
    [InlineData(BatchNormMode.Shard)]
    public void The_loss_scale_does_not_change_the_step_vectors(BatchNormMode mode)
    {
        // In float32, multiplying by a power of two is exact.
        using var rig = new ShardEngineTests.Rig(mode, deviceOf: () => new SimulatedDevice());
        ShardInput[] inputs = rig.Inputs(2, Samples);
        using ShardEngine engine = rig.Engine();
        Assert.Equal(Compute(1), Compute(1024));

        byte[][] Compute(float scale) =>
            [.. engine.Compute(new(5, 1, Samples, scale), inputs, rig.LocalCoupling(inputs)).Select(vector => vector.Bytes.ToArray())];
    }

    [Fact]
    public void A_loss_scale_that_overflows_float16_makes_the_step_non_finite()
    {
        using var rig = new ShardEngineTests.Rig(BatchNormMode.Global, Precision.Fp16, deviceOf: () => new SimulatedDevice());
        ShardInput[] inputs = rig.Inputs(2, Samples);
        using ShardEngine engine = rig.Engine();
        Assert.Equal([0, 0], NonFinite(1024));
        Assert.Equal([1, 1], NonFinite(MathF.ScaleB(1, 60)));
        Assert.Equal([0, 0], NonFinite(1024));

        int[] NonFinite(float scale) => [.. engine.Compute(new(5, 1, Samples, scale), inputs, rig.LocalCoupling(inputs)).Select(vector => vector.NonFiniteShards)];
    }

    [Fact]
    public void On_the_CPU_fp16_is_refused()
    {
        using var rig = new ShardEngineTests.Rig(BatchNormMode.Global, Precision.Fp16);
        var error = Assert.Throws<SpikeformerException>(() => rig.Engine());
        Assert.Equal((ErrorKind.Usage, "Set precision=bf16 or fp32"), (error.Kind, error.Remedy));
    }

    [Theory]
    [InlineData(BatchNormMode.Global, 7, 2, 4, 1)]
    [InlineData(BatchNormMode.Shard, 4, 3, 1)]
    public void Every_grouping_of_the_shards_gives_the_same_vectors(BatchNormMode mode, int shards, params int[] groups)
    {
        using var rig = new ShardEngineTests.Rig(mode, deviceOf: () => new SimulatedDevice());
        ShardInput[] inputs = rig.Inputs(shards, Samples);
        Assert.Equal(rig.Compute(inputs, [shards]), rig.Compute(inputs, groups));
    }

    [Fact]
    public void Every_step_uses_the_current_weights()
    {
        using var rig = new ShardEngineTests.Rig(BatchNormMode.Shard, deviceOf: () => new SimulatedDevice());
        ShardInput[] inputs = rig.Inputs(2, Samples);
        using ShardEngine engine = rig.Engine();
        byte[] before = Compute();
        Initialisation.Fill(rig.Parameters, rig.Network.Options.Neuron, seed: 4);
        byte[] after = Compute();

        Assert.NotEqual(before, after);
        Assert.Equal(rig.Compute(inputs, [2])[0], after);

        byte[] Compute() => engine.Compute(new(5, 1, Samples), inputs, coupling: null)[0].Bytes.ToArray();
    }

    [Fact]
    public void An_evaluation_uses_the_current_weights()
    {
        using var scope = NewDisposeScope();
        using var rig = new ShardEngineTests.Rig(BatchNormMode.Shard, deviceOf: () => new SimulatedDevice());
        using var running = new RunningStatistics(rig.Network.Layout);
        Tensor x = rig.Inputs(1, Samples)[0].X_BTCHW!;
        using ShardEngine engine = rig.Engine();
        Initialisation.Fill(rig.Parameters, rig.Network.Options.Neuron, seed: 4);
        Assert.NotSame(rig.Parameters, engine.CurrentWeights());
        Assert.Equal(Logits(rig.Parameters), Logits(engine.CurrentWeights()));

        float[] Logits(ParameterSet weights) => TensorMemory.Span<float>(rig.Network.Evaluate(weights, running, x)).ToArray();
    }

    [Fact]
    public void Copies_of_an_abandoned_step_do_not_arrive_in_the_next_one()
    {
        using var rig = new ShardEngineTests.Rig(BatchNormMode.Shard, deviceOf: () => new SimulatedDevice());
        ShardInput[] inputs = rig.Inputs(2, Samples);
        using ShardEngine engine = rig.Engine();
        using Tensor tooFewSteps = inputs[1].X_BTCHW!.narrow(2, 0, 1);
        // The first shard's gradient is being copied when the second shard fails, because its frames lack a channel.
        Assert.ThrowsAny<Exception>(() => engine.Compute(new(5, 1, Samples), [inputs[0], inputs[1] with { X_BTCHW = tooFewSteps }], coupling: null));

        IReadOnlyList<StepVector> vectors = engine.Compute(new(5, 1, Samples), [new(0, [], null, null), inputs[1]], coupling: null);
        Assert.True(vectors[0].Bytes.IndexOfAnyExcept((byte)0) < 0);
        Assert.Equal(rig.Compute(inputs, [2])[1], vectors[1].Bytes.ToArray());
    }

    [Fact]
    public void A_shard_with_a_NaN_input_is_reported_and_the_others_stay_finite()
    {
        using var rig = new ShardEngineTests.Rig(BatchNormMode.Shard, deviceOf: () => new SimulatedDevice());
        ShardInput[] inputs = rig.Inputs(4, Samples);
        TensorMemory.Span<float>(inputs[2].X_BTCHW!)[17] = float.NaN;
        using ShardEngine engine = rig.Engine();
        Assert.Equal([0, 0, 1, 0], engine.Compute(new(0, 0, Samples), inputs, null).Select(vector => vector.NonFiniteShards));
    }

    [Fact]
    public void Live_tensors_are_constant_from_step_to_step()
    {
        using var rig = new ShardEngineTests.Rig(BatchNormMode.Global, deviceOf: () => new SimulatedDevice());
        ShardInput[] inputs = rig.Inputs(4, Samples);
        using ShardEngine engine = rig.Engine();
        var counts = new List<long>();
        for (int step = 0; step < 6; step++)
        {
            engine.Compute(new(step, 0, Samples), inputs, rig.LocalCoupling(inputs));
            counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
        Assert.Single(counts.Skip(1).Distinct());
    }
}
