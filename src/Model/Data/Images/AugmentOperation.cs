namespace Spikeformer.Data.Images;

/// <summary>The operations of augmentation policies.</summary>
internal enum AugmentOperation
{
    Identity, ShearX, ShearY, TranslateX, TranslateY, Rotate, Brightness, Color, Contrast, Sharpness, Posterize, Solarize, AutoContrast,
    Equalize, Invert,
}

/// <summary>The strength of each operation at each bin of a policy, evenly spaced from no change to the maximum.</summary>
/// <param name="Bins">Number of bins; the last one is the strongest.</param>
/// <param name="Shear">Maximum shear, radians.</param>
/// <param name="TranslateShare">Maximum translation as a share of the side; 0 if the translation is in pixels.</param>
/// <param name="TranslatePixels">Maximum translation, pixels.</param>
/// <param name="Degrees">Maximum rotation, degrees.</param>
/// <param name="Factor">Maximum difference from 1 of the factors for brightness, colour, contrast and sharpness.</param>
/// <param name="PosterizedBits">Maximum number of bits that posterizing removes.</param>
internal sealed record AugmentStrength(int Bins, double Shear, double TranslateShare, double TranslatePixels, double Degrees, double Factor,
    int PosterizedBits)
{
    /// <summary>Applies an operation.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="bin">The strength, 0 to Bins-1. Operations without a strength ignore it.</param>
    /// <param name="negative">Whether to use the opposite direction, for operations that have two.</param>
    /// <param name="image">The image. May be swapped with <paramref name="spare"/>.</param>
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

    /// <summary>Number of bits that posterizing keeps; halves round to even.</summary>
    private int BitsLeft(int bin) => 8 - (int)MathF.Round(bin / (float)((double)(Bins - 1) / PosterizedBits));

    /// <summary>The value of torch.linspace at a bin, in float32.</summary>
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
