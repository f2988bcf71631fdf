using Spikeformer.Data;
using Spikeformer.Data.Events;
using Spikeformer.Data.Synthetic;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Events;

public sealed class DvsAugmentationTests
{
    private static readonly SampleShape Shape = new(2, 2, 20, 30);
    private static readonly DvsDraws Nothing = new(0.5, 0.9, -0.9, 1, 1, 0, 0);

    [Fact]
    public void The_corrected_form_rolls_rows_and_columns_and_leaves_the_polarities_alone()
    {
        float[] before = Numbers(), after = Numbers();
        // The cut-out of half a pixel in the corner is truncated to nothing.
        DvsAugmentation.Apply(Augmentation.Dvs, Nothing with { A = 3.7, B = -4.2 }, after, Shape);
        Each((t, c, y, x) => Assert.Equal(before[At(t, c, (y - 3 + 20) % 20, (x + 4) % 30)], after[At(t, c, y, x)]));
    }

    [Fact]
    public void The_reference_form_swaps_the_polarities_for_an_odd_shift_and_rolls_rows_only()
    {
        float[] before = Numbers(), after = Numbers();
        DvsAugmentation.Apply(Augmentation.DvsReference, Nothing with { A = -3.7, B = 2 }, after, Shape);
        Each((t, c, y, x) => Assert.Equal(before[At(t, 1 - c, (y - 2 + 20) % 20, x)], after[At(t, c, y, x)]));
    }

    [Theory, InlineData(Augmentation.Dvs), InlineData(Augmentation.DvsReference)]
    public void Both_forms_flip_and_cut_out_every_frame_alike(Augmentation kind)
    {
        float[] before = Numbers(), after = Numbers();
        DvsAugmentation.Apply(kind, new(0.51, 0, 0, Length: 5, Height: 3, CenterX: 10.6, CenterY: 19.2), after, Shape);
        // Columns int(8.1) to int(13.1), rows int(17.7) to int(20.7), which is clamped to 20.
        Each((t, c, y, x) => Assert.Equal(x is >= 8 and < 13 && y >= 17 ? 0 : before[At(t, c, y, 29 - x)], after[At(t, c, y, x)]));
    }

    [Fact]
    public void Draws_lie_in_their_ranges_and_depend_only_on_the_key()
    {
        double[] low = [.. Enumerable.Repeat(double.MaxValue, 7)], high = [.. Enumerable.Repeat(double.MinValue, 7)];
        for (int sample = 0; sample < 2000; sample++)
        {
            DvsDraws draws = Draw(sample);
            Assert.Equal(draws, Draw(sample));
            double[] values = [draws.Flip, draws.A, draws.B, draws.Length, draws.Height, draws.CenterX, draws.CenterY];
            for (int i = 0; i < 7; i++) (low[i], high[i]) = (Math.Min(low[i], values[i]), Math.Max(high[i], values[i]));
        }
        (double Low, double High)[] ranges = [(0, 1), (-5, 5), (-5, 5), (1, 16), (1, 16), (0, 30), (0, 20)];
        for (int i = 0; i < 7; i++)
        {
            double slack = (ranges[i].High - ranges[i].Low) / 100;
            Assert.InRange(low[i], ranges[i].Low, ranges[i].Low + slack);
            Assert.InRange(high[i], ranges[i].High - slack, ranges[i].High);
        }
    }

    [Fact]
    public void Samples_are_clean_without_a_key_and_change_with_one()
    {
        var options = new FrameOptions(4, FramesBy.Number, 0, 32, 32, 0);
        using var clean = new SyntheticDataset(options, 3, 3);
        using var augmented = new AugmentedDataset(new SyntheticDataset(options, 3, 3), Augmentation.Dvs);
        float[] expected = new float[clean.Shape.Elements], frames = new float[clean.Shape.Elements], again = new float[clean.Shape.Elements];
        clean.Read(Split.Train, 1, null, expected);
        augmented.Read(Split.Train, 1, null, frames);
        Assert.Equal(expected, frames);
        augmented.Read(Split.Train, 1, new KeyedRandom(1, RandomPurpose.Augmentation, 2, 1), frames);
        Assert.NotEqual(expected, frames);
        augmented.Read(Split.Train, 1, new KeyedRandom(1, RandomPurpose.Augmentation, 2, 1), again);
        Assert.Equal(frames, again);
        augmented.Read(Split.Train, 1, new KeyedRandom(1, RandomPurpose.Augmentation, 3, 1), again);
        Assert.NotEqual(frames, again);
        Assert.Equal((clean.ContentHash, clean.Count(Split.Test), clean.Name), (augmented.ContentHash, augmented.Count(Split.Test), augmented.Name));
    }

    private static DvsDraws Draw(int sample)
    {
        var random = new KeyedRandom(7, RandomPurpose.Augmentation, 0, sample);
        return DvsDraws.Of(ref random, height: 20, width: 30);
    }

    private static float[] Numbers() => [.. Enumerable.Range(1, Shape.Elements).Select(i => (float)i)];

    private static int At(int t, int c, int y, int x) => ((t * 2 + c) * 20 + y) * 30 + x;

    private static void Each(Action<int, int, int, int> check)
    {
        for (int i = 0; i < Shape.Elements; i++) check(i / 1200, i / 600 % 2, i / 30 % 20, i % 30);
    }
}
