using System.Runtime.InteropServices;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Training.Optimizers;
using Xunit;

namespace Spikeformer.Model.Tests.Training.Optimizers;

public sealed unsafe class OptimizerTests
{
    private const int Count = 1003; // not a multiple of any width

    private static OptimizerRecipe Recipe(OptimizerKind kind, double decay = 0.01) => new() { Kind = kind, WeightDecay = decay };

    /// <summary>Three ranges with borders that are not multiples of the lanes.</summary>
    private static readonly DecayRange[] Ranges = [new(0, 5, 0.01), new(5, 700, 0), new(705, Count - 705, 0.01)];

    private static float[] Numbers(int stream, double scale)
    {
        var random = new KeyedRandom(7, RandomPurpose.Synthetic, stream);
        var numbers = new float[Count];
        for (int i = 0; i < Count; i++) numbers[i] = (float)(scale * Math.Pow(10, random.NextDouble(-6, 1)) * (random.NextUInt32() % 2 == 0 ? 1 : -1));
        return numbers;
    }

    /// <summary>The parameters, then the moments, after some updates.</summary>
    private static float[] Run(Optimizer optimizer, LaneWidth width, int updates = 5, double rate = 1e-2)
    {
        using OptimizerState state = optimizer.CreateState();
        float[] parameters = Numbers(0, 1);
        for (int n = 0; n < updates; n++)
            fixed (float* p = parameters, g = Numbers(n + 1, 0.1)) optimizer.Apply(p, g, state, rate, n, width);
        return [.. parameters, .. optimizer.StateNames.SelectMany(name => new Span<float>(state[name], Count).ToArray())];
    }

    private static byte[] Bits(float[] numbers) => MemoryMarshal.AsBytes<float>(numbers).ToArray();

    [Theory]
    [InlineData(OptimizerKind.Adam)]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Sgd)]
    public void Apply_EveryWidth_GivesTheSameBits(OptimizerKind kind)
    {
        var optimizer = Optimizer.Create(Recipe(kind), Ranges);
        byte[] scalar = Bits(Run(optimizer, LaneWidth.One));
        Assert.Equal(scalar, Bits(Run(optimizer, LaneWidth.Eight)));
        Assert.Equal(scalar, Bits(Run(optimizer, LaneWidth.Sixteen)));
    }

    /// <summary>Compares with an independent float64 implementation of the rule.</summary>
    [Theory]
    [InlineData(OptimizerKind.Adam)]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Sgd)]
    public void Apply_ManyUpdates_FollowsTheRule(OptimizerKind kind)
    {
        const int updates = 5;
        const double rate = 1e-2, b1 = 0.9, b2 = 0.999;
        float[] actual = Run(Optimizer.Create(Recipe(kind), Ranges), Lanes.Widest, updates, rate);
        float[] start = Numbers(0, 1);
        float[][] gradients = [.. Enumerable.Range(1, updates).Select(n => Numbers(n, 0.1))];
        for (int i = 0; i < Count; i++)
        {
            double decay = i is >= 5 and < 705 ? 0 : 0.01, p = start[i], m = 0, v = 0, scale = Math.Abs(p);
            for (int n = 1; n <= updates; n++)
            {
                double g = gradients[n - 1][i] + (kind == OptimizerKind.AdamW ? 0 : decay * p);
                if (kind == OptimizerKind.Sgd)
                {
                    m = 0.9 * m + g;
                    p -= rate * m;
                    continue;
                }
                if (kind == OptimizerKind.AdamW) p -= rate * decay * p;
                m = b1 * m + (1 - b1) * g;
                v = b2 * v + (1 - b2) * g * g;
                p -= rate / (1 - Math.Pow(b1, n)) * m / (Math.Sqrt(v) / Math.Sqrt(1 - Math.Pow(b2, n)) + 1e-8);
            }
            Assert.Equal(p, actual[i], 2e-6 * Math.Max(scale, 0.1));
        }
    }

    [Fact]
    public void Apply_FirstUpdate_StartsAfreshWhateverTheBuffersHold()
    {
        var optimizer = Optimizer.Create(Recipe(OptimizerKind.Sgd, 0), [new(0, Count, 0)]);
        using OptimizerState state = optimizer.CreateState();
        new Span<float>(state["momentum_buffer"], Count).Fill(float.NaN);
        float[] parameters = new float[Count], gradients = Numbers(1, 1);
        fixed (float* p = parameters, g = gradients) optimizer.Apply(p, g, state, 1, applied: 0);
        Assert.Equal(gradients, new Span<float>(state["momentum_buffer"], Count).ToArray());
    }

    [Fact]
    public void Apply_Gradients_AreOnlyRead()
    {
        var optimizer = Optimizer.Create(Recipe(OptimizerKind.Adam), Ranges);
        using OptimizerState state = optimizer.CreateState();
        float[] gradients = Numbers(1, 1);
        fixed (float* p = Numbers(0, 1), g = gradients) optimizer.Apply(p, g, state, 1, 0);
        Assert.Equal(Numbers(1, 1), gradients);
    }

    [Fact]
    public void Apply_LateUpdate_HasNoBiasCorrectionLeft()
    {
        var optimizer = Optimizer.Create(Recipe(OptimizerKind.Adam, 0), [new(0, 1, 0)]);
        using OptimizerState state = optimizer.CreateState();
        (state["exp_avg"][0], state["exp_avg_sq"][0]) = (1, 4);
        (float p, float g) = (10, 1);
        optimizer.Apply(&p, &g, state, 0.5, applied: 1_000_000);
        Assert.Equal(10 - 0.5 / Math.Sqrt(0.999 * 4 + 0.001), p, 1e-6);
    }

    [Fact]
    public void Apply_StateOfAnotherOptimizer_IsRefused()
    {
        var optimizer = Optimizer.Create(Recipe(OptimizerKind.Adam), Ranges);
        using var otherNames = new OptimizerState(["momentum_buffer"], Count);
        using var otherLength = new OptimizerState(optimizer.StateNames, Count - 1);
        Assert.Throws<ArgumentException>(() => optimizer.Apply(null, null, otherNames, 1, 0));
        Assert.Throws<ArgumentException>(() => optimizer.Apply(null, null, otherLength, 1, 0));
    }

    [Fact]
    public void Create_RangesWithAGap_AreRefused() =>
        Assert.Throws<ArgumentException>(() => Optimizer.Create(Recipe(OptimizerKind.Adam), [new(0, 5, 0), new(6, 5, 0)]));

    [Fact]
    public void State_UnknownNameOrDisposed_IsRefused()
    {
        var state = new OptimizerState(["a"], 3);
        Assert.Equal([0f, 0f, 0f], new Span<float>(state["a"], 3).ToArray());
        Assert.Throws<ArgumentException>(() => state["b"] == null);
        state.Dispose();
        Assert.Throws<ObjectDisposedException>(() => state["a"] == null);
    }

    [Fact]
    public void DecayRanges_ScopeAll_AreOneRange()
    {
        StateLayout layout = Layout();
        Assert.Equal([new DecayRange(0, layout.ParameterCount, 0.5)], DecayRange.Of(layout, Recipe(OptimizerKind.Adam, 0.5)));
    }

    [Fact]
    public void DecayRanges_ScopeWeights_SpareNormsBiasesEmbeddingsAndNeurons()
    {
        StateLayout layout = Layout();
        IReadOnlyList<DecayRange> ranges = DecayRange.Of(layout, Recipe(OptimizerKind.Adam, 0.5) with { Decay = DecayScope.Weights });
        Assert.Equal(layout.ParameterCount, ranges.Sum(range => range.Length));
        foreach (StateEntry entry in layout.Parameters)
        {
            DecayRange range = Assert.Single(ranges, r => r.Offset <= entry.Offset && entry.Offset + entry.Length <= r.Offset + r.Length);
            bool weight = entry.Name.EndsWith(".weight", StringComparison.Ordinal) && !entry.Name.Contains("norm") && !IsBatchNorm(entry.Name);
            Assert.True(range.Decay == (weight ? 0.5 : 0), entry.Name);
        }

        static bool IsBatchNorm(string name) => name.Contains("patch_embed") && name.EndsWith(".1.weight", StringComparison.Ordinal);
    }

    private static StateLayout Layout() => new SpikeformerNetwork(new NetworkOptions()).Layout;
}
