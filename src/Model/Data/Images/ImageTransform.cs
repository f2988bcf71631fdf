namespace Spikeformer.Data.Images;

/// <summary>Turns a decoded photograph into a normalised frame, as the authors' ImageNet job does. Training uses a random crop, a flip, an augmentation
/// policy and random erasing. Evaluation uses the centre of the resized image.</summary>
/// <remarks>Gives the same bits on every machine: resizing uses integers, and everything else uses only addition, multiplication, division and
/// square roots. Not thread-safe, because it reuses its intermediate images.</remarks>
/// <param name="options">Size and augmentation.</param>
public sealed class ImageTransform(ImageOptions options)
{
    private const int Tries = 10;
    private const double LogFourThirds = 0.28768207245178090; // ln(4/3)
    private const double LogLowErasingRatio = -1.2039728043259361, LogHighErasingRatio = 1.1939224684724346; // ln(0.3), ln(3.3)

    private static readonly float[][] s_normalised = Normalised([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    private readonly Resampler _resampler = new();
    private PixelImage _image = new(), _spare = new();

    /// <summary>Computes the frame of a photograph.</summary>
    /// <param name="photograph">The decoded image; not changed.</param>
    /// <param name="augmentation">Keyed stream for this (seed, epoch, sample); null for no augmentation.</param>
    /// <param name="frame_CHW">Receives the red, green and blue planes, [3,H,W] in row-major order: float32 values (byte / 255 - mean) /
    /// deviation, with the mean and standard deviation of ImageNet.</param>
    public void Apply(PixelImage photograph, KeyedRandom? augmentation, Span<float> frame_CHW)
    {
        if (augmentation is not { } random)
        {
            Normalise(Clean(photograph), frame_CHW);
            return;
        }
        Normalise(Augmented(photograph, ref random), frame_CHW);
        Erase(ref random, frame_CHW);
    }

    /// <summary>Resizes the shorter side to <see cref="ImageOptions.EvaluationSide"/> and crops the centre. The result belongs to this object
    /// and is valid until its next call.</summary>
    public PixelImage Clean(PixelImage photograph)
    {
        (int width, int height, int side) = (photograph.Width, photograph.Height, options.EvaluationSide);
        (int newWidth, int newHeight) = width <= height ? (side, Long(height, width)) : (Long(width, height), side);
        var middle = new PixelBox(Middle(newWidth, options.Width), Middle(newHeight, options.Height), options.Width, options.Height);
        _resampler.Resize(photograph, new(0, 0, width, height), newWidth, newHeight, middle, _image);
        return _image;

        int Long(int longer, int shorter) => (int)((long)side * longer / shorter);
        static int Middle(int all, int part) => (int)Math.Round((all - part) / 2.0);
    }

    /// <summary>Computes the augmented pixels before normalisation. The result belongs to this object and is valid until its next call.</summary>
    public PixelImage Augmented(PixelImage photograph, ref KeyedRandom random)
    {
        PixelBox crop = Crop(ref random, photograph.Width, photograph.Height);
        _resampler.Resize(photograph, crop, options.Width, options.Height, new(0, 0, options.Width, options.Height), _image);
        if (random.NextDouble() < 0.5) _image.FlipHorizontally();
        AugmentPolicies.Apply(options.AutoAugment, ref random, ref _image, ref _spare);
        return _image;
    }

    /// <summary>torchvision's RandomResizedCrop: 8 to 100 % of the area, aspect ratio 3:4 to 4:3; the centre if ten tries do not fit.</summary>
    internal static PixelBox Crop(ref KeyedRandom random, int width, int height)
    {
        double area = (double)width * height;
        for (int i = 0; i < Tries; i++)
        {
            double part = area * random.NextDouble(0.08, 1), ratio = StableMath.Exp(random.NextDouble(-LogFourThirds, LogFourThirds));
            int w = (int)Math.Round(Math.Sqrt(part * ratio)), h = (int)Math.Round(Math.Sqrt(part / ratio));
            if (w < 1 || w > width || h < 1 || h > height) continue;
            int top = random.NextInt32(height - h + 1), left = random.NextInt32(width - w + 1);
            return new(left, top, w, h);
        }
        double shape = (double)width / height;
        (int cropWidth, int cropHeight) = shape < 3.0 / 4 ? (width, (int)Math.Round(width / (3.0 / 4)))
            : shape > 4.0 / 3 ? ((int)Math.Round(height * (4.0 / 3)), height)
            : (width, height);
        return new((width - cropWidth) / 2, (height - cropHeight) / 2, cropWidth, cropHeight);
    }

    /// <summary>torchvision's RandomErasing with value 0: 2 to 33 % of the area, aspect ratio 0.3 to 3.3.</summary>
    private void Erase(ref KeyedRandom random, Span<float> frame_CHW)
    {
        if (random.NextDouble() >= options.RandomErasing) return;
        (int height, int width) = (options.Height, options.Width);
        double area = (double)height * width;
        for (int i = 0; i < Tries; i++)
        {
            double part = area * random.NextDouble(0.02, 0.33), ratio = StableMath.Exp(random.NextDouble(LogLowErasingRatio, LogHighErasingRatio));
            int h = (int)Math.Round(Math.Sqrt(part * ratio)), w = (int)Math.Round(Math.Sqrt(part / ratio));
            if (h >= height || w >= width) continue;
            int top = random.NextInt32(height - h + 1), left = random.NextInt32(width - w + 1);
            for (int row = 0; row < 3 * h; row++)
                frame_CHW.Slice((row / h * height + top + row % h) * width + left, w).Clear();
            return;
        }
    }

    internal static void Normalise(PixelImage image, Span<float> frame_CHW)
    {
        int pixels = image.Width * image.Height;
        ArgumentOutOfRangeException.ThrowIfNotEqual(frame_CHW.Length, 3 * pixels, nameof(frame_CHW));
        ReadOnlySpan<byte> bytes = image.Bytes;
        for (int c = 0; c < 3; c++)
        {
            float[] normalised = s_normalised[c];
            Span<float> plane = frame_CHW.Slice(c * pixels, pixels);
            for (int i = 0; i < plane.Length; i++) plane[i] = normalised[bytes[4 * i + c]];
        }
    }

    private static float[][] Normalised(float[] means, float[] deviations) =>
        [.. means.Zip(deviations, (mean, deviation) => Enumerable.Range(0, 256).Select(value => (value / 255f - mean) / deviation).ToArray())];
}
