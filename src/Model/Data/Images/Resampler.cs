using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spikeformer.Data.Images;

/// <summary>A rectangle of pixels.</summary>
/// <param name="X">First column.</param>
/// <param name="Y">First row.</param>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
public readonly record struct PixelBox(int X, int Y, int Width, int Height);

/// <summary>Antialiased bilinear resizing with exactly Pillow's results. The filter is a triangle scaled to the size of an output pixel, with weights
/// in 22-bit fixed point. It resizes rows first, then columns, with an 8-bit intermediate image.</summary>
/// <remarks>Follows Pillow's ImagingResample for 8-bit images. All arithmetic on pixels uses integers, so the result does not depend on the
/// instruction set. Not thread-safe, because it reuses its weights and intermediate rows.</remarks>
public sealed class Resampler
{
    private const int PrecisionBits = 32 - 8 - 2;
    private const int Half = 1 << (PrecisionBits - 1);

    private readonly Taps _columns = new(), _rows = new();
    private readonly PixelImage _between = new();
    private readonly bool _vectorised;

    /// <summary>Creates a resampler.</summary>
    public Resampler() : this(Avx2.IsSupported)
    {
    }

    /// <summary>Creates a resampler with or without vector instructions, for tests.</summary>
    internal Resampler(bool vectorised) => _vectorised = vectorised;

    /// <summary>Resizes a crop of an image. Pixels outside the crop have no influence.</summary>
    /// <param name="source">The image.</param>
    /// <param name="crop">The part to resize, inside the image.</param>
    /// <param name="width">Columns of the whole resized crop.</param>
    /// <param name="height">Rows of the whole resized crop.</param>
    /// <param name="window">The part of the resized crop to compute, inside width x height.</param>
    /// <param name="target">Receives the window; must not be the source.</param>
    /// <exception cref="ArgumentException">The crop or the window lies outside its image.</exception>
    public void Resize(PixelImage source, PixelBox crop, int width, int height, PixelBox window, PixelImage target)
    {
        Require(crop, source.Width, source.Height, nameof(crop));
        Require(window, width, height, nameof(window));
        _columns.Set(crop.Width, width, window.X, window.Width);
        _rows.Set(crop.Height, height, window.Y, window.Height);
        (int first, int end) = _rows.Reach;

        _between.Resize(window.Width, end - first);
        target.Resize(window.Width, window.Height);
        if (_vectorised)
        {
            ResizeRows(source, crop.X, crop.Y + first);
            ResizeColumns(first, target);
        }
        else
        {
            ResizeRowsPlainly(source, crop.X, crop.Y + first);
            ResizeColumnsPlainly(first, target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe void ResizeRows(PixelImage source, int left, int top)
    {
        int pairs = _columns.Stride / 2;
        fixed (byte* pixels = source.Padded)
        fixed (byte* output = _between.Padded)
        fixed (int* weights = _columns.Wide)
        fixed (int* starts = _columns.Starts)
        fixed (int* counts = _columns.Counts)
            for (int y = 0; y < _between.Height; y++)
            {
                byte* row = pixels + 4L * ((long)source.Width * (top + y) + left);
                uint* to = (uint*)(output + 4L * _between.Width * y);
                for (int x = 0; x < _between.Width; x++)
                {
                    byte* from = row + 4 * starts[x];
                    int* w = weights + 8 * pairs * x;
                    Vector256<int> sum = Vector256<int>.Zero;
                    // Two pixels at a time. The pixel after an odd last tap has weight 0.
                    for (int pair = (counts[x] + 1) / 2; pair > 0; pair--, from += 8, w += 8)
                        sum += Avx2.ConvertToVector256Int32(from) * Vector256.Load(w);
                    Vector128<int> pixel = (sum.GetLower() + sum.GetUpper() + Vector128.Create(Half)) >> PrecisionBits;
                    Vector128<short> words = Sse2.PackSignedSaturate(pixel, pixel);
                    to[x] = Sse2.PackUnsignedSaturate(words, words).AsUInt32().ToScalar();
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe void ResizeColumns(int first, PixelImage target)
    {
        int bytes = 4 * target.Width;
        fixed (byte* pixels = _between.Padded)
        fixed (byte* output = target.Padded)
            for (int y = 0; y < target.Height; y++)
            {
                byte* top = pixels + (long)bytes * (_rows.Starts[y] - first);
                ReadOnlySpan<int> weights = _rows.Weights(y);
                byte* to = output + (long)bytes * y;
                int x = 0;
                for (; x + 8 <= bytes; x += 8)
                {
                    Vector256<int> sum = Vector256.Create(Half);
                    byte* from = top + x;
                    foreach (int weight in weights)
                    {
                        sum += Avx2.ConvertToVector256Int32(from) * Vector256.Create(weight);
                        from += bytes;
                    }
                    Store(to + x, sum);
                }
                for (; x < bytes; x++) to[x] = Sum(top + x, bytes, weights);
            }

        static void Store(byte* to, Vector256<int> sum)
        {
            sum >>= PrecisionBits;
            Vector128<short> words = Sse2.PackSignedSaturate(sum.GetLower(), sum.GetUpper());
            Sse2.StoreLow((double*)to, Sse2.PackUnsignedSaturate(words, words).AsDouble());
        }
    }

    private unsafe void ResizeRowsPlainly(PixelImage source, int left, int top)
    {
        fixed (byte* pixels = source.Bytes)
            for (int y = 0; y < _between.Height; y++)
            {
                Span<byte> to = _between.Row(y);
                for (int x = 0; x < _between.Width; x++)
                    for (int c = 0; c < 4; c++)
                        to[4 * x + c] = Sum(pixels + 4L * ((long)source.Width * (top + y) + left + _columns.Starts[x]) + c, 4, _columns.Weights(x));
            }
    }

    private unsafe void ResizeColumnsPlainly(int first, PixelImage target)
    {
        int bytes = 4 * target.Width;
        fixed (byte* pixels = _between.Bytes)
            for (int y = 0; y < target.Height; y++)
            {
                Span<byte> to = target.Row(y);
                for (int x = 0; x < bytes; x++) to[x] = Sum(pixels + (long)bytes * (_rows.Starts[y] - first) + x, bytes, _rows.Weights(y));
            }
    }

    private static unsafe byte Sum(byte* from, int step, ReadOnlySpan<int> weights)
    {
        int sum = Half;
        foreach (int weight in weights)
        {
            sum += *from * weight;
            from += step;
        }
        return (byte)(sum >> PrecisionBits);
    }

    private static void Require(PixelBox box, int width, int height, string name)
    {
        if (box.Width < 1 || box.Height < 1 || box.X < 0 || box.Y < 0 || box.X > width - box.Width || box.Y > height - box.Height)
            throw new ArgumentException($"{box} is not inside {width}x{height} pixels.", name);
    }

    /// <summary>The input pixels and weights of each output pixel in one direction.</summary>
    private sealed class Taps
    {
        private int[] _weights = [];
        private double[] _shares = [];

        /// <summary>The first input pixel of each output pixel.</summary>
        public int[] Starts { get; private set; } = [];

        /// <summary>The number of input pixels of each output pixel.</summary>
        public int[] Counts { get; private set; } = [];

        /// <summary>The distance between the weights of neighbouring output pixels; even.</summary>
        public int Stride { get; private set; }

        /// <summary>The weights, each repeated four times, once for each byte of a pixel.</summary>
        public int[] Wide { get; private set; } = [];

        /// <summary>The range of all input pixels in use; the end is exclusive.</summary>
        public (int First, int End) Reach { get; private set; }

        public ReadOnlySpan<int> Weights(int output) => _weights.AsSpan(output * Stride, Counts[output]);

        public void Set(int inputs, int outputs, int from, int count)
        {
            double scale = (double)inputs / outputs, support = Math.Max(scale, 1), inverse = 1 / support;
            Stride = ((int)Math.Ceiling(support) * 2 + 2) / 2 * 2;
            if (Starts.Length < count) (Starts, Counts) = (new int[count], new int[count]);
            if (_weights.Length < count * Stride) (_weights, Wide) = (new int[count * Stride], new int[4 * count * Stride]);
            if (_shares.Length < Stride) _shares = new double[Stride];
            Reach = (int.MaxValue, 0);
            for (int i = 0; i < count; i++)
            {
                double center = (from + i + 0.5) * scale;
                int start = Math.Max((int)(center - support + 0.5), 0), end = Math.Min((int)(center + support + 0.5), inputs);
                double total = 0;
                for (int k = 0; k < end - start; k++)
                    total += _shares[k] = Math.Max(1 - Math.Abs((k + start - center + 0.5) * inverse), 0);
                Span<int> weights = _weights.AsSpan(i * Stride, Stride);
                weights.Clear();
                for (int k = 0; k < end - start; k++) weights[k] = (int)(0.5 + _shares[k] / total * (1 << PrecisionBits));
                for (int k = 0; k < Stride; k++) Wide.AsSpan(4 * (i * Stride + k), 4).Fill(weights[k]);
                (Starts[i], Counts[i]) = (start, end - start);
                Reach = (Math.Min(Reach.First, start), Math.Max(Reach.End, end));
            }
        }
    }
}
