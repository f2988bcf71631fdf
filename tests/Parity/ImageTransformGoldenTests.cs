using Spikeformer.Data.Images;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>Compares resizing, crops and normalisation with the authors' ImageNet transforms in torchvision. Resized pixels are equal.</summary>
public sealed class ImageTransformGoldenTests
{
    private static readonly GoldenFile Golden = GoldenFile.Load("imagenet_transforms");
    private static readonly int Side = int.Parse(Golden.Metadata["crop"]);

    [Fact]
    public void The_evaluation_path_equals_the_reference()
    {
        var options = new ImageOptions(Side, Side);
        Assert.Equal(int.Parse(Golden.Metadata["resize"]), options.EvaluationSide);
        PixelImage photograph = PixelImages.Of(Golden["in/image_hwc"]), resized = new();
        new Resampler().Resize(photograph, new(0, 0, 100, 75), 85, 64, new(0, 0, 85, 64), resized);
        Assert.Equal(Golden["eval/resized_hwc"].Bytes, resized.ToRgb());

        var transform = new ImageTransform(options);
        Assert.Equal(Golden["eval/cropped_hwc"].Bytes, transform.Clean(photograph).ToRgb());
        var frame = new float[3 * Side * Side];
        transform.Apply(photograph, null, frame);
        Assert.Equal(Golden["eval/tensor"].AsSingle(), frame);
    }

    [Fact]
    public void The_training_path_with_given_draws_equals_the_reference()
    {
        long[] ijhw = Golden["train/params_ijhw"].AsInt64();
        PixelImage image = new();
        new Resampler().Resize(PixelImages.Of(Golden["in/image_hwc"]), new((int)ijhw[1], (int)ijhw[0], (int)ijhw[3], (int)ijhw[2]), Side, Side, new(0, 0, Side, Side), image);
        Assert.Equal(Golden["train/resized_crop_hwc"].Bytes, image.ToRgb());
        image.FlipHorizontally();
        Assert.Equal(Golden["train/flipped_hwc"].Bytes, image.ToRgb());
        var frame = new float[3 * Side * Side];
        ImageTransform.Normalise(image, frame);
        Assert.Equal(Golden["train/tensor"].AsSingle(), frame);
    }
}
