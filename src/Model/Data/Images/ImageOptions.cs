using Spikeformer.Data.Events;

namespace Spikeformer.Data.Images;

/// <summary>How to turn a photograph into a frame: the checked and completed <c>data</c> fields of a recipe.</summary>
/// <param name="Height">Rows of the frame.</param>
/// <param name="Width">Columns of the frame.</param>
/// <param name="AutoAugment">Policy for augmented samples.</param>
/// <param name="RandomErasing">Probability of random erasing for augmented samples, 0 to 1.</param>
/// <param name="BadFiles">How to treat files that cannot be decoded.</param>
public sealed record ImageOptions(int Height = 224, int Width = 224, AutoAugment AutoAugment = AutoAugment.ImageNet,
    double RandomErasing = ImageOptions.DefaultRandomErasing, BadFiles BadFiles = BadFiles.Error)
{
    /// <summary>The authors' probability of random erasing.</summary>
    public const double DefaultRandomErasing = 0.25;

    /// <summary>Largest number of pixels of a frame.</summary>
    private const int MaxPixels = 1 << 24;

    /// <summary>The shape of the frames, [1,3,H,W].</summary>
    public SampleShape Shape => new(1, 3, Height, Width);

    /// <summary>Length of the resized image's shorter side, from which the centre is cropped: 8/7 of the frame's longer side, 256 for 224.</summary>
    public int EvaluationSide => (Math.Max(Height, Width) * 8 + 3) / 7;

    /// <summary>One line of text that differs for any two options whose unaugmented frames could differ.</summary>
    public string Key => FormattableString.Invariant($"image/1 canvas={Height}x{Width} side={EvaluationSide}");

    /// <summary>Checks the <c>data</c> fields of a recipe.</summary>
    /// <exception cref="SpikeformerException">The canvas is out of range (Usage).</exception>
    public static ImageOptions From(DataRecipe recipe)
    {
        var (height, width) = FrameOptions.Canvas(recipe) ?? (224, 224);
        if ((long)height * width > MaxPixels)
            throw new SpikeformerException(ErrorKind.Usage, $"recipe field data.canvas: {height}x{width} pixels exceed the limit of {MaxPixels:N0}",
                "Correct data.canvas in the recipe");
        return new(height, width, recipe.AutoAugment ?? AutoAugment.ImageNet, recipe.RandomErasing ?? DefaultRandomErasing,
            recipe.BadFiles ?? BadFiles.Error);
    }
}
