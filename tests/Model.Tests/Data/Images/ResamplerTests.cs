using FsCheck.Xunit;
using Spikeformer.Data.Images;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Images;

public sealed class ResamplerTests
{
    [Property(MaxTest = 150)]
    public void Vectors_and_plain_code_give_the_same_bytes_and_a_window_is_a_part_of_the_whole(ushort a, ushort b, ushort c, ushort d)
    {
        (int width, int height) = (a % 70 + 1, b % 70 + 1);
        PixelImage photograph = ImageTransformTests.Photograph(width, height);
        var crop = new PixelBox(c % width, d % height, width - c % width, height - d % height);
        (int newWidth, int newHeight) = (c / 7 % 50 + 1, d / 7 % 50 + 1);
        var whole = new PixelBox(0, 0, newWidth, newHeight);
        PixelImage fast = new(), plain = new(), part = new();
        new Resampler().Resize(photograph, crop, newWidth, newHeight, whole, fast);
        new Resampler(vectorised: false).Resize(photograph, crop, newWidth, newHeight, whole, plain);
        Assert.True(fast.Bytes.SequenceEqual(plain.Bytes));

        var window = new PixelBox(a % newWidth, b % newHeight, newWidth - a % newWidth, newHeight - b % newHeight);
        new Resampler().Resize(photograph, crop, newWidth, newHeight, window, part);
        for (int y = 0; y < window.Height; y++)
            Assert.True(part.Row(y).SequenceEqual(fast.Row(window.Y + y).Slice(4 * window.X, 4 * window.Width)));
    }

    [Fact]
    public void Resizing_to_the_same_size_keeps_the_image()
    {
        PixelImage photograph = ImageTransformTests.Photograph(31, 17), same = new();
        new Resampler().Resize(photograph, new(0, 0, 31, 17), 31, 17, new(0, 0, 31, 17), same);
        Assert.Equal(photograph.ToRgb(), same.ToRgb());
    }

    [Fact]
    public void A_uniform_image_keeps_its_colour_at_every_size()
    {
        PixelImage flat = new(), resized = new();
        flat.Resize(37, 29);
        flat.Bytes.Fill(255);
        var resampler = new Resampler();
        foreach ((int width, int height) in new[] { (1, 1), (5, 90), (100, 3), (36, 28) })
        {
            resampler.Resize(flat, new(0, 0, 37, 29), width, height, new(0, 0, width, height), resized);
            Assert.Equal(-1, resized.Bytes.IndexOfAnyExcept((byte)255));
        }
    }

    [Theory]
    [InlineData(0, 0, 11, 10)]
    [InlineData(-1, 0, 5, 5)]
    [InlineData(0, 6, 5, 5)]
    [InlineData(0, 0, 0, 5)]
    public void A_crop_outside_the_image_is_rejected(int x, int y, int width, int height) =>
        Assert.Throws<ArgumentException>(() => new Resampler().Resize(ImageTransformTests.Photograph(10, 10), new(x, y, width, height), 4, 4, new(0, 0, 4, 4), new()));
}
