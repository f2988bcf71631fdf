using System.Buffers;

namespace Spikeformer.Data.Events;

/// <summary>The random numbers of one augmented sample, in the order in which they are drawn.</summary>
/// <param name="Flip">0 to 1; a value above 0.5 mirrors left and right.</param>
/// <param name="A">First shift, -5 to 5, truncated to a whole number.</param>
/// <param name="B">Second shift, -5 to 5, truncated to a whole number.</param>
/// <param name="Length">1 to 16: columns of the cut-out.</param>
/// <param name="Height">1 to 16: rows of the cut-out.</param>
/// <param name="CenterX">0 to W: column of its centre.</param>
/// <param name="CenterY">0 to H: row of its centre.</param>
public readonly record struct DvsDraws(double Flip, double A, double B, double Length, double Height, double CenterX, double CenterY)
{
    /// <summary>Draws the random numbers of one sample.</summary>
    /// <param name="random">The keyed stream of (seed, epoch, sample).</param>
    /// <param name="height">Rows of the frames.</param>
    /// <param name="width">Columns of the frames.</param>
    public static DvsDraws Of(ref KeyedRandom random, int height, int width) => new(random.NextDouble(), random.NextDouble(-5, 5),
        random.NextDouble(-5, 5), random.NextDouble(1, 16), random.NextDouble(1, 16), random.NextDouble(0, width), random.NextDouble(0, height));
}

/// <summary>The authors' augmentation of event frames: flip, roll and cut-out, the same for all frames of a sample.</summary>
/// <remarks>The reference rolls axes 1 and 2 of [T,C,H,W]: an odd first shift swaps the polarities, the second shift moves the rows, and the columns
/// stay in place. The corrected form rolls the rows by the first shift and the columns by the second. Everything else is the same.</remarks>
public static class DvsAugmentation
{
    /// <summary>Changes a sample in place.</summary>
    /// <param name="kind"><see cref="Augmentation.DvsReference"/> or <see cref="Augmentation.Dvs"/>.</param>
    /// <param name="draws">The random numbers.</param>
    /// <param name="frames_TCHW">Counts in row-major [T,C,H,W] order.</param>
    /// <param name="shape">Their shape.</param>
    /// <exception cref="ArgumentException">The augmentation is not for event frames, or the buffer does not have this shape.</exception>
    public static void Apply(Augmentation kind, DvsDraws draws, Span<float> frames_TCHW, SampleShape shape)
    {
        if (kind is not (Augmentation.DvsReference or Augmentation.Dvs)) throw new ArgumentOutOfRangeException(nameof(kind), kind, "This augmentation is not for event frames.");
        if (frames_TCHW.Length != shape.Elements) throw new ArgumentException($"The buffer holds {frames_TCHW.Length} values; {shape} needs {shape.Elements}.", nameof(frames_TCHW));
        var (H, W) = (shape.Height, shape.Width);
        if (draws.Flip > 0.5)
            for (int row = 0; row < frames_TCHW.Length; row += W) frames_TCHW.Slice(row, W).Reverse();
        (int a, int b) = ((int)draws.A, (int)draws.B);
        if (kind == Augmentation.DvsReference)
        {
            // Axis 1 of each time step is a ring of C planes; axis 2 of each plane is a ring of H rows.
            RotateAll(frames_TCHW, shape.Channels * H * W, a * H * W);
            RotateAll(frames_TCHW, H * W, b * W);
        }
        else
        {
            RotateAll(frames_TCHW, H * W, a * W);
            RotateAll(frames_TCHW, W, b);
        }
        (int top, int bottom) = Cut(draws.CenterY, draws.Height, H);
        (int left, int right) = Cut(draws.CenterX, draws.Length, W);
        for (int plane = 0; plane < frames_TCHW.Length; plane += H * W)
            for (int row = top; row < bottom; row++) frames_TCHW.Slice(plane + row * W + left, right - left).Clear();
    }

    private static (int From, int To) Cut(double center, double length, int side)
    {
        int from = Math.Clamp((int)(center - length / 2), 0, side), to = Math.Clamp((int)(center + length / 2), 0, side);
        return (from, Math.Max(from, to));
    }

    /// <summary>Rotates each block of <paramref name="ring"/> values to the right.</summary>
    private static void RotateAll(Span<float> values, int ring, int by)
    {
        by = (by % ring + ring) % ring;
        if (by == 0) return;
        float[] tail = ArrayPool<float>.Shared.Rent(by);
        for (int start = 0; start < values.Length; start += ring)
        {
            Span<float> one = values.Slice(start, ring);
            one[(ring - by)..].CopyTo(tail);
            one[..(ring - by)].CopyTo(one[by..]);
            tail.AsSpan(0, by).CopyTo(one);
        }
        ArrayPool<float>.Shared.Return(tail);
    }
}
