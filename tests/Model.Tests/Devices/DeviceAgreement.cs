using Spikeformer.Devices;
using Spikeformer.Model.Tests.Training;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Devices;

/// <summary>Asserts that a device agrees with the CPU.</summary>
internal static class DeviceAgreement
{
    private const int Shards = 3, Samples = 14;

    /// <summary>Gradients agree relative to the largest one, loss and BatchNorm statistics absolutely; counts are equal.</summary>
    public static void AssertClose(BatchNormMode mode, NeuronKind neuron, ComputeDevice device, float tolerance)
    {
        using ShardEngineTests.Rig cpu = new(mode, neuron: neuron), other = new(mode, neuron: neuron, deviceOf: () => device);
        using ShardEngine expecting = cpu.Engine(), finding = other.Engine();
        ShardInput[] inputs = cpu.Inputs(Shards, Samples);
        IReadOnlyList<StepVector> expected = expecting.Compute(new(5, 1, Samples), inputs, cpu.LocalCoupling(inputs));
        IReadOnlyList<StepVector> actual = finding.Compute(new(5, 1, Samples), inputs, other.LocalCoupling(inputs));
        for (int v = 0; v < Shards; v++)
        {
            float[] gradient = Gradient(expected[v]);
            AssertEach(gradient, Gradient(actual[v]), tolerance * gradient.Max(MathF.Abs));
            AssertEach(expected[v].BatchMeans, actual[v].BatchMeans, tolerance);
            AssertEach(expected[v].BatchVariances, actual[v].BatchVariances, tolerance);
            Assert.Equal(expected[v].Loss, actual[v].Loss, tolerance);
            Assert.Equal((expected[v].Samples, expected[v].Top1, expected[v].Top5, expected[v].FilledShards, expected[v].NonFiniteShards, expected[v].LedgerSum),
                (actual[v].Samples, actual[v].Top1, actual[v].Top5, actual[v].FilledShards, actual[v].NonFiniteShards, actual[v].LedgerSum));
        }
    }

    /// <summary>Both compute in bfloat16.</summary>
    public static void AssertNearInBf16(ComputeDevice device) => AssertNear(device, Precision.Bf16, Precision.Bf16, scale: 1);

    /// <summary>The CPU computes in float32, since it has no float16. The loss scale keeps small gradients.</summary>
    public static void AssertNearInFp16(ComputeDevice device) => AssertNear(device, Precision.Fp32, Precision.Fp16, scale: 1024);

    /// <summary>Compares by the cosine between the gradients. The neurons are analogue: in so small a network, a single spike decided by rounding
    /// would change much.</summary>
    private static void AssertNear(ComputeDevice device, Precision onCpu, Precision onDevice, float scale)
    {
        using ShardEngineTests.Rig cpu = new(BatchNormMode.Global, onCpu, NeuronKind.Pliaf), other = new(BatchNormMode.Global, onDevice, NeuronKind.Pliaf, () => device);
        float[] expected = cpu.Sum(cpu.Inputs(Shards, Samples)), actual = other.Sum(other.Inputs(Shards, Samples), scale);
        double product = 0, left = 0, right = 0;
        for (int i = 0; i < cpu.Network.Layout.ParameterCount; i++)
        {
            product += (double)expected[i] * actual[i];
            left += (double)expected[i] * expected[i];
            right += (double)actual[i] * actual[i];
        }
        Assert.InRange(product / Math.Sqrt(left * right), 0.99, 1);
    }

    private static float[] Gradient(StepVector vector) => TensorMemory.Span<float>(vector.Gradient).ToArray();

    private static void AssertEach(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= tolerance, $"element {i}: {actual[i]} is not {expected[i]} to {tolerance}");
    }
}
