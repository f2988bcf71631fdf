using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.Training.Optimizers;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>Six updates of two tensors with the authors' optimizers: every parameter after every update, and the final moments.</summary>
public sealed class OptimizersGoldenTests
{
    private const int P = 35, Q = 3, Updates = 6;

    [Theory]
    [InlineData("adam_lr1e-3_wd1e-4", OptimizerKind.Adam, 1e-3, 1e-4)]
    [InlineData("adam_lr1e-3_wd1.5e-4", OptimizerKind.Adam, 1e-3, 1.5e-4)]
    [InlineData("sgd_lr1e-2_m0.9_wd1e-4", OptimizerKind.Sgd, 1e-2, 1e-4)]
    [InlineData("adamw_lr1e-3_wd1e-2", OptimizerKind.AdamW, 1e-3, 1e-2)]
    public unsafe void SixUpdates_GiveTheGoldenParametersAndMoments(string golden, OptimizerKind kind, double learningRate, double decay)
    {
        var file = GoldenFile.Load("optimizers");
        var optimizer = Optimizer.Create(new OptimizerRecipe { Kind = kind, WeightDecay = decay }, [new(0, P + Q, decay)]);
        using OptimizerState state = optimizer.CreateState();
        float[] parameters = Joined("in/p0", "in/q0");
        for (int n = 0; n < Updates; n++)
        {
            fixed (float* p = parameters, g = Joined($"in/grad_p_{n}", $"in/grad_q_{n}"))
                optimizer.Apply(p, g, state, learningRate, n);
            Near(Joined($"{golden}/p_{n}", $"{golden}/q_{n}"), parameters, Math.Abs);
        }
        foreach (string name in optimizer.StateNames)
        {
            // A moment can cancel to a thousandth of its gradients. There, the golden float32 file differs from the float64 rule by 1.4e-6
            // relative (ours by 3e-7), so the tolerance of moments is 1e-6 of the largest one.
            float[] expected = Joined($"{golden}/state/0/{name}", $"{golden}/state/1/{name}");
            float largest = expected.Max(Math.Abs);
            Near(expected, new Span<float>(state[name], P + Q), _ => largest);
        }

        float[] Joined(string p, string q) => [.. file[p].AsSingle(), .. file[q].AsSingle()];
    }

    private static void Near(float[] expected, ReadOnlySpan<float> actual, Func<float, float> scale)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs((double)actual[i] - expected[i]) <= 1e-6 * scale(expected[i]),
                $"element {i}: {actual[i]:R}, golden {expected[i]:R}");
    }
}
