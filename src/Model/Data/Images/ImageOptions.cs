using Spikeformer.Data.Events;
using Spikeformer.Recipes;

namespace Spikeformer.Data.Images;

/// <summary>How a photograph becomes a frame: the complete form of a recipe's <c>data</c> fields.</summary>
/// <param name="Height">Rows of the frame.</param>
/// <param name="Width">Columns of the frame.</param>
/// <param name="AutoAugment">Policy of the augmented form.</param>
/// <param name="RandomErasing">Probability of random erasing in the augmented form.</param>
/// <param name="BadFiles">What happens with files that are no images.</param>
public sealed record ImageOptions(int Height = 224, int Width = 224, AutoAugment AutoAugment = AutoAugment.ImageNet,
    double RandomErasing = ImageOptions.DefaultRandomErasing, BadFiles BadFiles = BadFiles.Error)
{
    /// <summary>The authors' probability of random erasing.</summary>
    public const double DefaultRandomErasing = 0.25;

    /// <summary>Largest number of pixels of a frame.</summary>
    private const int MaxPixels = 1 << 24;

    /// <summary>The shape of the frames, [1,3,H,W].</summary>
    public SampleShape Shape => new(1, 3, Height, Width);

    /// <summary>What the shorter side is resized to before the middle is cut out: 8/7 of the frame's longer side, 256 for 224.</summary>
    public int EvaluationSide => (Math.Max(Height, Width) * 8 + 3) / 7;

    /// <summary>One line that differs whenever clean frames could.</summary>
    public string Key => FormattableString.Invariant($"image/1 canvas={Height}x{Width} side={EvaluationSide}");

    /// <summary>Checks the <c>data</c> fields of a recipe.</summary>
    /// <exception cref="SpikeformerException">A field is out of range; names it.</exception>
    public static ImageOptions From(DataRecipe recipe)
    {
        var (height, width) = FrameOptions.Canvas(recipe) ?? (224, 224);
        if ((long)height * width > MaxPixels)
            throw new SpikeformerException(ErrorKind.Usage, $"recipe field data.canvas: {height}x{width} are more than {MaxPixels:N0} pixels",
                "Correct data.canvas in the recipe");
        return new(height, width, recipe.AutoAugment ?? AutoAugment.ImageNet, recipe.RandomErasing ?? DefaultRandomErasing,
            recipe.BadFiles ?? BadFiles.Error);
    }
}
