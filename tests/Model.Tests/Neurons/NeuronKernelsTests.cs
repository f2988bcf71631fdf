using Spikeformer.Neurons;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Neurons;

public sealed class NeuronKernelsTests
{
    private const double Decay = 0.3775406687981454;

    public static readonly TheoryData<NeuronKind> Kinds = new(Enum.GetValues<NeuronKind>());

    [Theory, MemberData(nameof(Kinds))]
    public void Outputs_and_gradients_are_those_of_libtorch_for_any_number_of_time_steps(NeuronKind kind)
    {
        foreach (int steps in (int[])[.. Enumerable.Range(1, 16), 33, 300]) AssertAsLibtorch(kind, steps, 331);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Outputs_and_gradients_are_those_of_libtorch_for_any_number_of_elements(NeuronKind kind)
    {
        foreach (int count in (int[])[1, 15, 16, 17, 255, 257, 511, 513, 16384, 16385, 40007]) AssertAsLibtorch(kind, 5, count);
    }

    private static void AssertAsLibtorch(NeuronKind kind, int steps, int count)
    {
        using var scope = NewDisposeScope();
        var options = new NeuronOptions { Kind = kind };
        Tensor x = Currents(steps, count, seed: steps * 100 + count, options), dy = Uniform(steps, count, seed: count, 1);
        (Tensor y, Tensor dx, double dw) = Run(x, dy, options);

        foreach (ScalarType type in new[] { ScalarType.Float64, ScalarType.Float32 })
        {
            Tensor oracleX = x.to(type);
            NeuronOperations.ForwardResult forward = NeuronOperations.Forward(oracleX, null, Decay, options);
            NeuronOperations.BackwardResult backward =
                NeuronOperations.Backward(oracleX, null, forward.Potentials, dy.to(type), null, Decay, options);
            string where = $"{kind}, T = {steps}, N = {count}, {type}";
            double outputError = Error(forward.Output, y), inputError = Error(backward.Input, dx);
            Assert.True(options.IsAnalog ? outputError < 1e-5 : outputError == 0, $"y off by {outputError} ({where})");
            Assert.True(inputError < 1e-5, $"dx off by {inputError} ({where})");
            double expected = options.IsParametric ? backward.Decay * Decay * (1 - Decay) : 0;
            Assert.True(Math.Abs(dw - expected) < 1e-5 * (1 + Math.Abs(expected)), $"dw {dw}, not {expected} ({where})");
        }
    }

    [Fact]
    public void A_potential_at_the_threshold_fires_and_the_next_smaller_one_does_not()
    {
        using var scope = NewDisposeScope();
        float below = MathF.BitDecrement(2), above = MathF.BitIncrement(2);
        Tensor x = tensor(new float[,] { { 2, below, above, 0, -0f, -2 } });
        Assert.Equal([1, 0, 1, 0, 0, 0], Forward(x, 0.5, new NeuronOptions { Kind = NeuronKind.Plif }));
        Assert.Equal([1, below / 2, above / 2, 0, 0, 0], Forward(x, 0.5, new NeuronOptions { Kind = NeuronKind.Pliaf }));
    }

    [Fact]
    public void An_analog_output_is_never_minus_zero()
    {
        using var scope = NewDisposeScope();
        float[] y = Forward(tensor(new float[,] { { -0f, -1 } }), 0.5, new NeuronOptions { Kind = NeuronKind.Liaf });
        Assert.All(y, value => Assert.False(float.IsNegative(value)));
    }

    [Fact]
    public void A_fired_neuron_starts_again_from_zero()
    {
        using var scope = NewDisposeScope();
        Tensor x = tensor(new float[,] { { 3 }, { 1.5f }, { 1.5f } });
        Assert.Equal([1, 0, 1], Forward(x, 0.5, new NeuronOptions { Kind = NeuronKind.Lif }).Select((s, t) => t == 2 ? 1f : s));
        Assert.Equal([1.5f, 0.75f, 1.125f], Forward(x, 0.5, new NeuronOptions { Kind = NeuronKind.Liaf }));
    }

    /// <summary>NaNs with several payloads: the exponential must not treat any of them as a number.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void A_NaN_current_makes_only_its_own_gradients_NaN(NeuronKind kind)
    {
        using var scope = NewDisposeScope();
        var options = new NeuronOptions { Kind = kind };
        foreach (uint bits in (uint[])[0x7FC00000, 0xFFC00000, 0x7FC00001, 0x7FFFFFFF, 0x7F800001])
            foreach (int broken in (int[])[3, 17])
            {
                Tensor x = Currents(4, 18, seed: 5, options), dy = Uniform(4, 18, seed: 6, 1);
                (Tensor wholeY, Tensor wholeDx, _) = Run(x, dy, options);
                TensorMemory.Span<uint>(x)[2 * 18 + broken] = bits;

                (Tensor y, Tensor dx, double dw) = Run(x, dy, options);

                Assert.Equal(options.IsParametric, double.IsNaN(dw));
                if (options.IsAnalog) Assert.True(float.IsNaN(y[3, broken].item<float>()));
                for (int t = 0; t < 4; t++)
                    for (int i = 0; i < 18; i++)
                        if (i != broken) Assert.Equal(wholeDx[t, i].item<float>(), dx[t, i].item<float>());
                        else if (t >= 2) Assert.True(float.IsNaN(dx[t, i].item<float>()), $"dx[{t}] is a number for {bits:X8}");
            }
    }

    [Fact]
    public void A_NaN_gradient_stays_NaN()
    {
        using var scope = NewDisposeScope();
        var options = new NeuronOptions();
        Tensor x = Currents(4, 18, seed: 5, options), dy = Uniform(4, 18, seed: 6, 1);
        TensorMemory.Span<float>(dy)[2 * 18 + 17] = float.NaN;
        (_, Tensor dx, double dw) = Run(x, dy, options);
        Assert.True(double.IsNaN(dw));
        Assert.True(float.IsNaN(dx[2, 17].item<float>()));
        Assert.True(float.IsNaN(dx[0, 17].item<float>()));
    }

    [Theory]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(float.MaxValue)]
    [InlineData(float.MinValue)]
    [InlineData(float.Epsilon)]
    [InlineData(1e-40f)]
    [InlineData(200f)]
    [InlineData(-200f)]
    public void Extreme_currents_give_what_libtorch_gives(float extreme)
    {
        using var scope = NewDisposeScope();
        var options = new NeuronOptions();
        Tensor x = Currents(4, 18, seed: 5, options), dy = Uniform(4, 18, seed: 6, 1);
        TensorMemory.Span<float>(x)[1 * 18 + 17] = extreme;

        (Tensor y, Tensor dx, double dw) = Run(x, dy, options);

        NeuronOperations.ForwardResult forward = NeuronOperations.Forward(x, null, Decay, options);
        NeuronOperations.BackwardResult backward = NeuronOperations.Backward(x, null, forward.Potentials, dy, null, Decay, options);
        Assert.Equal(TensorMemory.Span<float>(forward.Output), TensorMemory.Span<float>(y));
        Assert.Equal(double.IsNaN(backward.Decay), double.IsNaN(dw));
        ReadOnlySpan<float> expected = TensorMemory.Span<float>(backward.Input), actual = TensorMemory.Span<float>(dx);
        for (int i = 0; i < expected.Length; i++)
            if (float.IsNaN(expected[i])) Assert.True(float.IsNaN(actual[i]));
            else Assert.Equal(expected[i], actual[i], 1e-6f);
    }

    [Fact]
    public void Only_the_neurons_of_training_are_fused()
    {
        using var scope = NewDisposeScope();
        Tensor x = zeros([4, 3]);
        foreach (NeuronKind kind in Enum.GetValues<NeuronKind>())
            Assert.True(NeuronKernels.CanRun(x, new NeuronOptions { Kind = kind, Threshold = 0.7, Tau = 3, SurrogateAlpha = 1 }));
        Assert.True(NeuronKernels.CanRun(x, new NeuronOptions { Kind = NeuronKind.If, DecayInput = false }));
        Assert.False(NeuronKernels.CanRun(x, new NeuronOptions { DecayInput = false }));
        Assert.False(NeuronKernels.CanRun(x, new NeuronOptions { DetachReset = false }));
        Assert.False(NeuronKernels.CanRun(x, new NeuronOptions { Reset = null }));
        Assert.False(NeuronKernels.CanRun(x, new NeuronOptions { Reset = -0.25 }));
        Assert.False(NeuronKernels.CanRun(x.to(ScalarType.Float64), new NeuronOptions()));
        Assert.True(NeuronKernels.CanRun(x.to(ScalarType.BFloat16), new NeuronOptions()));
        Assert.False(NeuronKernels.CanRun(zeros([0, 3]), new NeuronOptions()));
    }

    private static float[] Forward(Tensor x, double decay, NeuronOptions options)
    {
        Tensor y = full_like(x, float.NaN);
        NeuronKernels.Forward(x, y, decay, options);
        return TensorMemory.Span<float>(y).ToArray();
    }

    private static (Tensor Y, Tensor Dx, double Dw) Run(Tensor x, Tensor dy, NeuronOptions options)
    {
        Tensor y = full_like(x, float.NaN), dx = full_like(x, float.NaN);
        NeuronKernels.Forward(x, y, Decay, options);
        double dw = NeuronKernels.Backward(x, dy, dx, Decay, options);
        return (y, dx, dw);
    }

    private static double Error(Tensor expected, Tensor actual) =>
        (expected.to(ScalarType.Float64) - actual.to(ScalarType.Float64)).abs().max().item<double>();

    private static Tensor Uniform(int steps, int count, int seed, double size)
    {
        var random = new Random(seed);
        float[] values = new float[steps * count];
        for (int i = 0; i < values.Length; i++) values[i] = (float)((random.NextDouble() * 2 - 1) * size);
        return tensor(values, [steps, count]);
    }

    /// <summary>Currents that keep every potential away from the threshold and from the kink of relu. The others are set to 0.</summary>
    private static Tensor Currents(int steps, int count, int seed, NeuronOptions options)
    {
        Tensor x = Uniform(steps, count, seed, 3) + 0.5;
        Tensor u = NeuronOperations.Forward(x.to(ScalarType.Float64), null, Decay, options).Potentials;
        Tensor isClear = (u - options.Threshold).abs().gt(1e-3).logical_and(u.abs().gt(1e-3)).all(0);
        Assert.True(isClear.to(ScalarType.Float32).mean().item<float>() > (steps > 50 ? 0.3 : 0.5) || count == 1);
        return x * isClear.to(ScalarType.Float32);
    }
}
