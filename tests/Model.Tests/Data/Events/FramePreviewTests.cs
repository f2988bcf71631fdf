using Spikeformer.Data.Events;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Events;

public sealed class FramePreviewTests
{
    [Fact]
    public void On_is_red_off_is_blue_and_frames_are_side_by_side()
    {
        // Two frames of 1x2: [OFF 4, 0 | ON 0, 2], [OFF 0, 0 | ON 0, 4]
        var image = FramePreview.Render([4, 0, 0, 2, 0, 0, 0, 4], new(2, 2, 1, 2), scale: 1);
        Assert.Equal((5, 1), (image.Width, image.Height));
        Assert.Equal([0, 0, 255, 159, 0, 0, 64, 64, 64, 0, 0, 0, 255, 0, 0], image.Pixels);
    }

    [Fact]
    public void Scale_repeats_pixels()
    {
        var image = FramePreview.Render([1, 0, 0, 0, 0, 0, 0, 1], new(1, 2, 2, 2), scale: 3);
        Assert.Equal((6, 6), (image.Width, image.Height));
        for (int row = 0; row < 6; row++)
            for (int column = 0; column < 6; column++)
                Assert.Equal(((byte)(row >= 3 && column >= 3 ? 255 : 0), (byte)0, (byte)(row < 3 && column < 3 ? 255 : 0)),
                    (image.Pixels[(row * 6 + column) * 3], image.Pixels[(row * 6 + column) * 3 + 1],
                        image.Pixels[(row * 6 + column) * 3 + 2]));
    }

    [Fact]
    public void An_empty_sample_is_black_and_other_shapes_are_rejected()
    {
        Assert.All(FramePreview.Render(new float[8], new(1, 2, 2, 2)).Pixels, value => Assert.Equal(0, value));
        Assert.Throws<ArgumentException>(() => FramePreview.Render(new float[12], new(1, 3, 2, 2)));
        Assert.Throws<ArgumentException>(() => FramePreview.Render(new float[7], new(1, 2, 2, 2)));
    }
}
