namespace Spikeformer.Data.Images;

/// <summary>The operations that augmentation policies choose from.</summary>
internal enum AugmentOperation
{
    Identity, ShearX, ShearY, TranslateX, TranslateY, Rotate, Brightness, Color, Contrast, Sharpness, Posterize, Solarize, AutoContrast,
    Equalize, Invert,
}

/// <summary>How strong an operation is at each of a policy's bins: evenly spaced from nothing to the most.</summary>
/// <param name="Bins">Number of bins; the last is the strongest.</param>
/// <param name="Shear">Strongest shear, radians.</param>
/// <param name="TranslateShare">Farthest translation as a share of the side; 0 when it is in pixels.</param>
/// <param name="TranslatePixels">Farthest translation, pixels.</param>
/// <param name="Degrees">Strongest rotation.</param>
/// <param name="Factor">Farthest of brightness, colour, contrast and sharpness from 1.</param>
/// <param name="PosterizedBits">Most bits that are taken away.</param>
internal sealed record AugmentStrength(int Bins, double Shear, double TranslateShare, double TranslatePixels, double Degrees, double Factor,
    int PosterizedBits)
{
    /// <summary>Applies an operation.</summary>
    /// <param name="operation">Which.</param>
    /// <param name="bin">How strong, 0 to Bins-1; not looked at by operations that know no strength.</param>
    /// <param name="negative">The other direction, for operations that have two.</param>
    /// <param name="image">The image; another one may hold it afterwards.</param>
    /// <param name="spare">Memory for another image.</param>
    public void Apply(AugmentOperation operation, int bin, bool negative, ref PixelImage image, ref PixelImage spare)
    {
        (int width, int height) = (image.Width, image.Height);
        switch (operation)
        {
            case AugmentOperation.Identity: break;
            case AugmentOperation.ShearX: Move(AffineTransform.ShearX(Signed(Shear), width, height), ref image, ref spare); break;
            case AugmentOperation.ShearY: Move(AffineTransform.ShearY(Signed(Shear), width, height), ref image, ref spare); break;
            case AugmentOperation.TranslateX: Move(AffineTransform.Translation((int)Signed(Farthest(width)), 0), ref image, ref spare); break;
            case AugmentOperation.TranslateY: Move(AffineTransform.Translation(0, (int)Signed(Farthest(height))), ref image, ref spare); break;
            case AugmentOperation.Rotate: Move(AffineTransform.Rotation(Signed(Degrees), width, height), ref image, ref spare); break;
            case AugmentOperation.Brightness: PixelOperations.Brightness(image, 1 + Signed(Factor)); break;
            case AugmentOperation.Color: PixelOperations.Color(image, 1 + Signed(Factor)); break;
            case AugmentOperation.Contrast: PixelOperations.Contrast(image, 1 + Signed(Factor)); break;
            case AugmentOperation.Sharpness: PixelOperations.Sharpness(image, 1 + Signed(Factor), spare); break;
            case AugmentOperation.Posterize: PixelOperations.Posterize(image, BitsLeft(bin)); break;
            case AugmentOperation.Solarize: PixelOperations.Solarize(image, Spaced(255, 0, bin)); break;
            case AugmentOperation.AutoContrast: PixelOperations.AutoContrast(image); break;
            case AugmentOperation.Equalize: PixelOperations.Equalize(image); break;
            case AugmentOperation.Invert: PixelOperations.Invert(image); break;
            default: throw new ArgumentOutOfRangeException(nameof(operation));
        }

        double Signed(double most) => negative ? -Spaced(0, most, bin) : Spaced(0, most, bin);
        double Farthest(int side) => TranslateShare > 0 ? TranslateShare * side : TranslatePixels;
    }

    /// <summary>Bits that posterizing leaves, halves to the even number.</summary>
    private int BitsLeft(int bin) => 8 - (int)MathF.Round(bin / (float)((double)(Bins - 1) / PosterizedBits));

    /// <summary>torch.linspace in float32.</summary>
    private float Spaced(double from, double to, int bin)
    {
        (float low, float high) = ((float)from, (float)to);
        float step = (high - low) / (Bins - 1);
        return bin < Bins / 2 ? low + step * bin : high - step * (Bins - 1 - bin);
    }

    private static void Move(AffineTransform transform, ref PixelImage image, ref PixelImage spare)
    {
        transform.Apply(image, spare);
        (image, spare) = (spare, image);
    }
}
