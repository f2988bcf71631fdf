namespace Spikeformer.Data.Events;

/// <summary>An 8-bit colour image.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Pixels">Red, green, blue of each pixel, row by row; Width * Height * 3 bytes.</param>
public sealed record RgbImage(int Width, int Height, byte[] Pixels);

/// <summary>Draws a sample's frames side by side: ON events red, OFF events blue, both mixed, brighter for more events.</summary>
public static class FramePreview
{
    private const byte Grid = 64;

    /// <summary>Draws event frames.</summary>
    /// <param name="frames_TCHW">Counts in row-major [T,2,H,W] order, channel 0 = OFF, 1 = ON.</param>
    /// <param name="shape">Their shape.</param>
    /// <param name="scale">Side of a drawn pixel, at least 1.</param>
    /// <returns>An image of T frames with one grey column between neighbours. The largest count of the sample has full brightness, and even a
    /// single event is visible.</returns>
    /// <exception cref="ArgumentException">The frames do not have two channels or do not have this shape.</exception>
    public static RgbImage Render(ReadOnlySpan<float> frames_TCHW, SampleShape shape, int scale = 4)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(scale);
        if (shape.Channels != 2 || frames_TCHW.Length != shape.Elements)
            throw new ArgumentException($"{frames_TCHW.Length} values of shape {shape} are not event frames.", nameof(frames_TCHW));
        var (T, H, W) = (shape.TimeSteps, shape.Height, shape.Width);
        int width = T * W * scale + T - 1, height = H * scale;
        var pixels = new byte[checked(width * height * 3)];
        float largest = 0;
        foreach (float count in frames_TCHW) largest = Math.Max(largest, count);

        for (int row = 0; row < height; row++)
            for (int t = 0; t < T; t++)
            {
                var off = frames_TCHW.Slice((2 * t * H + row / scale) * W, W);
                var on = frames_TCHW.Slice(((2 * t + 1) * H + row / scale) * W, W);
                var line = pixels.AsSpan((row * width + t * (W * scale + 1)) * 3);
                for (int column = 0; column < W * scale; column++)
                {
                    line[3 * column] = Brightness(on[column / scale], largest);
                    line[3 * column + 2] = Brightness(off[column / scale], largest);
                }
                if (t < T - 1) line.Slice(3 * W * scale, 3).Fill(Grid);
            }
        return new(width, height, pixels);
    }

    private static byte Brightness(float count, float largest) => count <= 0 ? (byte)0 : (byte)(64 + 191 * (count / largest));
}
