using Spikeformer.Network;
using Spikeformer.Recipes;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Network;

public sealed class DropPathTests
{
    private const int Tokens = 3, TimeSteps = 4;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 0.05)]
    [InlineData(6, 0.1)]
    public void The_rate_grows_linearly_from_the_first_block_to_the_last(int block, double rate) =>
        Assert.Equal(rate, DropPath.Rate(block, depth: 7, last: 0.1), 1e-15);

    [Fact]
    public void A_single_block_is_never_dropped() => Assert.Equal(0, DropPath.Rate(0, depth: 1, last: 0.1));

    [Fact]
    public void A_draw_below_the_rate_drops_its_rows_and_the_others_are_scaled_up()
    {
        using var scope = NewDisposeScope();
        // rate 0.25: 0.24 drops, 0.25 keeps. Two draws for four rows: neighbours share one.
        Tensor y = DropPath.Apply(ones([4, 2]), [0.24f, 0.25f], rate: 0.25);
        Assert.Equal([0, 0, 0, 0, 4 / 3f, 4 / 3f, 4 / 3f, 4 / 3f], y.data<float>().ToArray());
        Tensor columns = DropPath.Apply(ones([1, 2]), [0.9f, 0.1f], rate: 0.25, axis: 1);
        Assert.Equal([4 / 3f, 0], columns.data<float>().ToArray());
    }

    [Theory]
    [InlineData(DropPathAxis.Reference)]
    [InlineData(DropPathAxis.Sample)]
    public void Draws_do_not_depend_on_how_the_batch_is_cut_into_shards(DropPathAxis axis)
    {
        KeyedDropPath whole = Draws(axis, 10, 11, 12, 13), left = Draws(axis, 10), right = Draws(axis, 11, 12, 13);
        for (int block = 1; block < 3; block++)
        {
            Assert.Equal<float[]>(whole.Temporal(block, 4, Tokens),
                [.. left.Temporal(block, 1, Tokens), .. right.Temporal(block, 3, Tokens)]);
            Assert.Equal<float[]>(whole.Spatial(block, 4, TimeSteps),
                [.. left.Spatial(block, 1, TimeSteps), .. right.Spatial(block, 3, TimeSteps)]);
            float[] mlp = whole.Mlp(block, 4, TimeSteps), ofRight = right.Mlp(block, 3, TimeSteps);
            // The reference drops a time step of the whole global batch at once: every shard must draw the same.
            if (axis == DropPathAxis.Reference) Assert.Equal(mlp, ofRight);
            else Assert.Equal<float[]>(mlp, [.. left.Mlp(block, 1, TimeSteps), .. ofRight]);
        }
    }

    [Fact]
    public void There_is_one_draw_per_row_of_each_branch()
    {
        KeyedDropPath reference = Draws(DropPathAxis.Reference, 5, 6), sample = Draws(DropPathAxis.Sample, 5, 6);
        Assert.Equal((2 * Tokens, 2 * TimeSteps, TimeSteps), Lengths(reference));
        Assert.Equal((2, 2, 2), Lengths(sample));

        static (int, int, int) Lengths(KeyedDropPath draws) =>
            (draws.Temporal(1, 2, Tokens).Length, draws.Spatial(1, 2, TimeSteps).Length, draws.Mlp(1, 2, TimeSteps).Length);
    }

    [Fact]
    public void Branches_blocks_and_steps_have_different_draws()
    {
        KeyedDropPath draws = Draws(DropPathAxis.Reference, 5, 6);
        var later = new KeyedDropPath(seed: 1, epoch: 3, step: 8, samples: [5, 6], DropPathAxis.Reference);
        float[][] all = [draws.Temporal(1, 2, TimeSteps), draws.Temporal(2, 2, TimeSteps), draws.Spatial(1, 2, TimeSteps),
            later.Temporal(1, 2, TimeSteps), draws.Mlp(1, 2, 8), draws.Mlp(2, 2, 8), later.Mlp(1, 2, 8)];
        Assert.Equal(all.Length, all.Select(row => string.Join(' ', row)).Distinct().Count());
    }

    private static KeyedDropPath Draws(DropPathAxis axis, params int[] samples) => new(seed: 1, epoch: 2, step: 7, samples, axis);
}
