namespace Spikeformer.Data.Images;

/// <summary>The colour operations of AutoAugment on 8-bit RGB, with exactly the results of Pillow's ImageOps and ImageEnhance.</summary>
internal static class PixelOperations
{
    /// <summary>Keeps the upper bits of every value.</summary>
    /// <param name="image">Changed in place.</param>
    /// <param name="bits">Number of bits to keep, 0 to 8.</param>
    public static void Posterize(PixelImage image, int bits)
    {
        int mask = ~((1 << (8 - bits)) - 1);
        Map(image, value => (byte)(value & mask));
    }

    /// <summary>Inverts values at or above a threshold.</summary>
    public static void Solarize(PixelImage image, double threshold) => Map(image, value => (byte)(value < threshold ? value : 255 - value));

    /// <summary>Inverts all values.</summary>
    public static void Invert(PixelImage image) => Map(image, value => (byte)(255 - value));

    /// <summary>Stretches each channel so that its values cover 0 to 255.</summary>
    public static void AutoContrast(PixelImage image)
    {
        Span<int> histogram = stackalloc int[256];
        for (int channel = 0; channel < 3; channel++)
        {
            Count(image, channel, histogram);
            int low = histogram.IndexOfAnyExcept(0), high = histogram.LastIndexOfAnyExcept(0);
            if (high <= low) continue;
            double scale = 255.0 / (high - low), offset = -low * scale;
            MapChannel(image, channel, value => (byte)Math.Clamp((int)(value * scale + offset), 0, 255));
        }
    }

    /// <summary>Spreads the values of each channel so that they are about equally frequent.</summary>
    public static void Equalize(PixelImage image)
    {
        Span<int> histogram = stackalloc int[256];
        var table = new byte[256];
        for (int channel = 0; channel < 3; channel++)
        {
            Count(image, channel, histogram);
            int last = histogram.LastIndexOfAnyExcept(0), step = (image.Width * image.Height - histogram[last]) / 255;
            if (step == 0) continue;
            int sum = step / 2;
            for (int value = 0; value < 256; value++)
            {
                table[value] = (byte)Math.Min(sum / step, 255);
                sum += histogram[value];
            }
            MapChannel(image, channel, value => table[value]);
        }
    }

    /// <summary>Makes the image darker (factor below 1) or brighter (above 1).</summary>
    public static void Brightness(PixelImage image, double factor)
    {
        float share = (float)factor;
        Map(image, value => Blend(0, value, share));
    }

    /// <summary>Moves the values towards the image's mean grey (factor below 1) or away from it (above 1).</summary>
    public static void Contrast(PixelImage image, double factor)
    {
        long sum = 0;
        Span<byte> bytes = image.Bytes;
        for (int i = 0; i < bytes.Length; i += 4) sum += Grey(bytes[i], bytes[i + 1], bytes[i + 2]);
        int mean = (int)((double)sum / (image.Width * image.Height) + 0.5);
        float share = (float)factor;
        Map(image, value => Blend(mean, value, share));
    }

    /// <summary>Makes the image greyer (factor below 1) or more colourful (above 1).</summary>
    public static void Color(PixelImage image, double factor)
    {
        float share = (float)factor;
        if (share == 1) return;
        Span<byte> bytes = image.Bytes;
        for (int i = 0; i < bytes.Length; i += 4)
        {
            int grey = Grey(bytes[i], bytes[i + 1], bytes[i + 2]);
            for (int c = 0; c < 3; c++) bytes[i + c] = Blend(grey, bytes[i + c], share);
        }
    }

    /// <summary>Makes the image smoother (factor below 1) or sharper (above 1), except for the border pixels.</summary>
    /// <param name="image">Changed in place.</param>
    /// <param name="factor">The factor; 1 changes nothing.</param>
    /// <param name="copy">Memory for a copy of the original image.</param>
    public static void Sharpness(PixelImage image, double factor, PixelImage copy)
    {
        float share = (float)factor;
        if (share == 1) return;
        copy.CopyFrom(image);
        for (int y = 1; y < image.Height - 1; y++)
        {
            Span<byte> above = copy.Row(y - 1), row = copy.Row(y), below = copy.Row(y + 1), to = image.Row(y);
            for (int i = 4; i < row.Length - 4; i++)
            {
                int sum = above[i - 4] + above[i] + above[i + 4] + row[i - 4] + 5 * row[i] + row[i + 4] + below[i - 4] + below[i] + below[i + 4];
                to[i] = Blend((2 * sum + 13) / 26, row[i], share); // sum / 13, rounded to the nearest
            }
        }
    }

    /// <summary>Pillow's blend: interpolates between two values, or extrapolates for a share outside 0 to 1.</summary>
    private static byte Blend(int from, int to, float share)
    {
        float value = from + share * (to - from);
        return value <= 0 ? (byte)0 : value >= 255 ? (byte)255 : (byte)value;
    }

    private static int Grey(int red, int green, int blue) => (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;

    private static void Count(PixelImage image, int channel, Span<int> histogram)
    {
        histogram.Clear();
        Span<byte> bytes = image.Bytes;
        for (int i = channel; i < bytes.Length; i += 4) histogram[bytes[i]]++;
    }

    private static void Map(PixelImage image, Func<int, byte> map)
    {
        Span<byte> table = Table(stackalloc byte[256], map), bytes = image.Bytes;
        for (int i = 0; i < bytes.Length; i++) bytes[i] = table[bytes[i]];
    }

    private static void MapChannel(PixelImage image, int channel, Func<int, byte> map)
    {
        Span<byte> table = Table(stackalloc byte[256], map), bytes = image.Bytes;
        for (int i = channel; i < bytes.Length; i += 4) bytes[i] = table[bytes[i]];
    }

    private static Span<byte> Table(Span<byte> table, Func<int, byte> map)
    {
        for (int value = 0; value < 256; value++) table[value] = map(value);
        return table;
    }
}
