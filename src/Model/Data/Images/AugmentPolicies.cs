using static Spikeformer.Data.Images.AugmentOperation;

namespace Spikeformer.Data.Images;

/// <summary>
/// Random changes of shape and colour of 8-bit images, as in torchvision 0.11: AutoAugment with the ImageNet policy (Cubuk et al., arXiv 1805.09501),
/// RandAugment (arXiv 1909.13719) and wide TrivialAugment (arXiv 2103.10158). Interpolation is bilinear; pixels outside the image are black.
/// </summary>
internal static class AugmentPolicies
{
    private readonly record struct Choice(AugmentOperation Operation, double Probability, int Bin = 0);

    /// <summary>Strengths of AutoAugment.</summary>
    internal static AugmentStrength Auto { get; } = new(10, 0.3, 150.0 / 331, 0, 30, 0.9, 4);

    /// <summary>Strengths of wide TrivialAugment.</summary>
    internal static AugmentStrength Wide { get; } = new(31, 0.99, 0, 32, 135, 0.99, 6);

    private static readonly AugmentStrength s_random = Auto with { Bins = 31 };
    private const int RandAugmentOperations = 2, RandAugmentBin = 9;

    /// <summary>The operations of RandAugment and TrivialAugment.</summary>
    private static readonly AugmentOperation[] s_operations =
    [
        Identity, ShearX, ShearY, TranslateX, TranslateY, Rotate, Brightness, Color, Contrast, Sharpness, Posterize, Solarize, AutoContrast, Equalize,
    ];

    /// <summary>The 25 pairs of the ImageNet policy; some occur twice.</summary>
    private static readonly (Choice, Choice)[] s_imageNet =
    [
        (new(Posterize, 0.4, 8), new(Rotate, 0.6, 9)),
        (new(Solarize, 0.6, 5), new(AutoContrast, 0.6)),
        (new(Equalize, 0.8), new(Equalize, 0.6)),
        (new(Posterize, 0.6, 7), new(Posterize, 0.6, 6)),
        (new(Equalize, 0.4), new(Solarize, 0.2, 4)),
        (new(Equalize, 0.4), new(Rotate, 0.8, 8)),
        (new(Solarize, 0.6, 3), new(Equalize, 0.6)),
        (new(Posterize, 0.8, 5), new(Equalize, 1.0)),
        (new(Rotate, 0.2, 3), new(Solarize, 0.6, 8)),
        (new(Equalize, 0.6), new(Posterize, 0.4, 6)),
        (new(Rotate, 0.8, 8), new(Color, 0.4, 0)),
        (new(Rotate, 0.4, 9), new(Equalize, 0.6)),
        (new(Equalize, 0.0), new(Equalize, 0.8)),
        (new(Invert, 0.6), new(Equalize, 1.0)),
        (new(Color, 0.6, 4), new(Contrast, 1.0, 8)),
        (new(Rotate, 0.8, 8), new(Color, 1.0, 2)),
        (new(Color, 0.8, 8), new(Solarize, 0.8, 7)),
        (new(Sharpness, 0.4, 7), new(Invert, 0.6)),
        (new(ShearX, 0.6, 5), new(Equalize, 1.0)),
        (new(Color, 0.4, 0), new(Equalize, 0.6)),
        (new(Equalize, 0.4), new(Solarize, 0.2, 4)),
        (new(Solarize, 0.6, 5), new(AutoContrast, 0.6)),
        (new(Invert, 0.6), new(Equalize, 1.0)),
        (new(Color, 0.6, 4), new(Contrast, 1.0, 8)),
        (new(Equalize, 0.8), new(Equalize, 0.6)),
    ];

    /// <summary>Applies a policy to an image.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="random">The keyed stream of the sample.</param>
    /// <param name="image">The image. May be swapped with <paramref name="spare"/>.</param>
    /// <param name="spare">Memory for another image.</param>
    public static void Apply(AutoAugment policy, ref KeyedRandom random, ref PixelImage image, ref PixelImage spare)
    {
        switch (policy)
        {
            case AutoAugment.None: break;
            case AutoAugment.ImageNet:
                (Choice first, Choice second) = s_imageNet[random.NextInt32(s_imageNet.Length)];
                ApplyChoice(first, ref random, ref image, ref spare);
                ApplyChoice(second, ref random, ref image, ref spare);
                break;
            case AutoAugment.Ra:
                for (int i = 0; i < RandAugmentOperations; i++)
                    s_random.Apply(s_operations[random.NextInt32(s_operations.Length)], RandAugmentBin, random.NextInt32(2) == 0, ref image, ref spare);
                break;
            case AutoAugment.TaWide:
                Wide.Apply(s_operations[random.NextInt32(s_operations.Length)], random.NextInt32(Wide.Bins), random.NextInt32(2) == 0, ref image,
                    ref spare);
                break;
            default: throw new ArgumentOutOfRangeException(nameof(policy));
        }
    }

    private static void ApplyChoice(Choice choice, ref KeyedRandom random, ref PixelImage image, ref PixelImage spare)
    {
        (bool applies, bool negative) = (random.NextDouble() <= choice.Probability, random.NextInt32(2) == 0);
        if (applies) Auto.Apply(choice.Operation, choice.Bin, negative, ref image, ref spare);
    }
}
