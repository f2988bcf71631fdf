using FsCheck.Xunit;
using Spikeformer.Data.Images;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Images;

public sealed class ImageTransformTests
{
    [Property(MaxTest = 200)]
    public void A_random_crop_lies_inside_the_image_and_respects_its_area_and_aspect_ratio(ushort seed, ushort w, ushort h)
    {
        (int width, int height) = (w % 600 + 1, h % 600 + 1);
        var random = new KeyedRandom(seed, RandomPurpose.Augmentation);
        PixelBox crop = ImageTransform.Crop(ref random, width, height);
        Assert.InRange(crop.X, 0, width - crop.Width);
        Assert.InRange(crop.Y, 0, height - crop.Height);
        Assert.InRange(crop.Width, 1, width);
        Assert.InRange(crop.Height, 1, height);
        if (width < 100 || height < 100 || width > 1.2 * height || height > 1.2 * width) return; // the crop may be the centre
        Assert.InRange((double)crop.Width * crop.Height / (width * height), 0.07, 1);
        Assert.InRange((double)crop.Width / crop.Height, 0.7, 1.42);
    }

    [Fact]
    public void If_no_crop_fits_the_centre_is_used()
    {
        var random = new KeyedRandom(1, RandomPurpose.Augmentation);
        Assert.Equal(new PixelBox(498, 0, 4, 3), ImageTransform.Crop(ref random, 1000, 3));
        Assert.Equal(new PixelBox(0, 498, 3, 4), ImageTransform.Crop(ref random, 3, 1000));
        Assert.Equal(new PixelBox(0, 0, 1, 1), ImageTransform.Crop(ref random, 1, 1));
    }

    [Theory]
    [InlineData(AutoAugment.ImageNet)]
    [InlineData(AutoAugment.Ra)]
    [InlineData(AutoAugment.TaWide)]
    [InlineData(AutoAugment.None)]
    public void Every_policy_depends_only_on_the_image_and_the_key(AutoAugment policy)
    {
        var options = new ImageOptions(24, 20, policy);
        ImageTransform one = new(options), other = new(options);
        PixelImage photograph = Photograph(50, 37);
        byte[] before = photograph.ToRgb();
        float[] first = new float[3 * 24 * 20], again = new float[first.Length];
        var frames = new HashSet<float>();
        for (int sample = 0; sample < 60; sample++)
        {
            one.Apply(photograph, new KeyedRandom(7, RandomPurpose.Augmentation, 0, sample), first);
            if (sample % 3 == 0) other.Apply(Photograph(9, 9), new KeyedRandom(1, RandomPurpose.Augmentation), again); // leaves another image in memory
            other.Apply(photograph, new KeyedRandom(7, RandomPurpose.Augmentation, 0, sample), again);
            Assert.Equal(first, again);
            frames.Add(first.Sum());
        }
        Assert.Equal(before, photograph.ToRgb());
        Assert.InRange(frames.Count, 50, 60);
    }

    [Fact]
    public void Random_erasing_clears_a_rectangle_of_the_wanted_share_in_a_quarter_of_the_samples()
    {
        var options = new ImageOptions(32, 32, AutoAugment.None);
        var transform = new ImageTransform(options);
        PixelImage white = new();
        white.Resize(32, 32);
        white.Bytes.Fill(255);
        var frame = new float[3 * 32 * 32];
        int erased = 0;
        for (int sample = 0; sample < 400; sample++)
        {
            transform.Apply(white, new KeyedRandom(3, RandomPurpose.Augmentation, 0, sample), frame);
            int cleared = frame.AsSpan(0, 1024).Count(0f);
            Assert.Equal(3 * cleared, frame.AsSpan().Count(0f));
            if (cleared == 0) continue;
            erased++;
            Assert.InRange(cleared, 0.02 * 1024 - 8, 0.33 * 1024 + 30);
            int first = Array.IndexOf(frame, 0f), width = frame.AsSpan(first, 32 - first % 32).IndexOfAnyExcept(0f) is var w and >= 0 ? w : 32 - first % 32;
            Assert.Equal(0, cleared % width);
            for (int y = 0; y < cleared / width; y++) Assert.Equal(-1, frame.AsSpan(first + 32 * y, width).IndexOfAnyExcept(0f));
        }
        Assert.InRange(erased, 75, 125); // 100 expected
    }

    [Fact]
    public void No_erasing_at_probability_0_and_always_at_1()
    {
        PixelImage photograph = Photograph(32, 32);
        var frame = new float[3 * 32 * 32];
        for (int sample = 0; sample < 30; sample++)
            foreach (double probability in (double[])[0, 1])
            {
                new ImageTransform(new(32, 32, AutoAugment.None, probability)).Apply(photograph, new KeyedRandom(5, RandomPurpose.Augmentation, 0, sample), frame);
                Assert.Equal(probability == 1, frame.Contains(0f));
            }
    }

    [Fact]
    public void Values_are_normalised_with_ImageNets_mean_and_deviation()
    {
        PixelImage image = new();
        image.Resize(2, 1);
        byte[] pixels = [0, 0, 0, 9, 255, 255, 255, 9];
        pixels.CopyTo(image.Bytes);
        var frame = new float[6];
        ImageTransform.Normalise(image, frame);
        float[] expected = [-0.485f / 0.229f, (1 - 0.485f) / 0.229f, -0.456f / 0.224f, (1 - 0.456f) / 0.224f, -0.406f / 0.225f, (1 - 0.406f) / 0.225f];
        Assert.Equal(expected, frame);
    }

    [Theory]
    [InlineData(224, 256)]
    [InlineData(56, 64)]
    [InlineData(32, 37)]
    public void The_centre_is_cropped_from_eight_sevenths_of_the_side(int canvas, int side) => Assert.Equal(side, new ImageOptions(canvas, canvas).EvaluationSide);

    [Fact]
    public void Elementary_functions_agree_with_the_system_to_the_last_digits()
    {
        for (double x = -6.28; x <= 6.28; x += 0.0137)
        {
            if (Math.Abs(x) < 4) Assert.Equal(Math.Exp(x), StableMath.Exp(x), 4e-15 * Math.Exp(x));
            Assert.Equal(Math.Sin(x), StableMath.Sin(x), 2.3e-16);
            Assert.Equal(Math.Cos(x), StableMath.Cos(x), 2.3e-16);
            if (Math.Abs(x) < 1.4) Assert.Equal(Math.Tan(x), StableMath.Tan(x), 2e-15);
        }
    }

    internal static PixelImage Photograph(int width, int height)
    {
        var image = new PixelImage();
        image.Resize(width, height);
        new Random(width * height).NextBytes(image.Bytes);
        return image;
    }
}
