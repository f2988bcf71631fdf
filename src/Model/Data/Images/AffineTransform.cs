using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spikeformer.Data.Images;

/// <summary>Moves pixels by an affine map, as Pillow and torchvision do: bilinear interpolation between pixel centres, truncation to 8 bits, black
/// outside the input. The six numbers map an output position (x, y) to the input position (A x + B y + C, D x + E y + F).</summary>
internal readonly record struct AffineTransform(double A, double B, double C, double D, double E, double F)
{
    /// <summary>Rotates counter-clockwise about the centre, like Pillow's <c>rotate</c>; -180 to 180 degrees.</summary>
    public static AffineTransform Rotation(double degrees, int width, int height)
    {
        // Like Pillow: a positive angle, and coefficients rounded to 15 decimals.
        double turn = degrees % 360, radians = -((turn < 0 ? turn + 360 : turn) * (Math.PI / 180));
        double cos = StableMath.Round15(StableMath.Cos(radians)), sin = StableMath.Round15(StableMath.Sin(radians));
        double cx = width / 2.0, cy = height / 2.0;
        return new(cos, sin, cos * -cx + sin * -cy + cx, -sin, cos, -sin * -cx + cos * -cy + cy);
    }

    /// <summary>Shears horizontally about the centre, like torchvision 0.11: by tan(radians) columns per row.</summary>
    public static AffineTransform ShearX(double radians, int width, int height)
    {
        (double tan, double cx, double cy) = (StableMath.Tan(ThroughDegrees(radians)), width * 0.5, height * 0.5);
        return new(1, tan, -cx + tan * -cy + cx, 0, 1, 0);
    }

    /// <summary>Shears vertically about the centre, like torchvision 0.11: by tan(radians) rows per column.</summary>
    public static AffineTransform ShearY(double radians, int width, int height)
    {
        double angle = ThroughDegrees(radians), tan = StableMath.Sin(angle) / StableMath.Cos(angle), cx = width * 0.5, cy = height * 0.5;
        return new(1, 0, 0, tan, 1, tan * -cx + -cy + cy);
    }

    /// <summary>Converts to degrees and back, because torchvision passes its shears in degrees, which can change the last digit.</summary>
    private static double ThroughDegrees(double radians) => radians * (180 / Math.PI) * (Math.PI / 180);

    /// <summary>Moves the image to the right and down by whole pixels.</summary>
    public static AffineTransform Translation(int right, int down) => new(1, 0, -right, 0, 1, -down);

    /// <summary>Applies the map.</summary>
    /// <param name="source">The image.</param>
    /// <param name="target">Receives the result in the same size; must not be the source.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public unsafe void Apply(PixelImage source, PixelImage target)
    {
        (int width, int height) = (source.Width, source.Height);
        target.Resize(width, height);
        fixed (byte* input = source.Padded, output = target.Padded)
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++)
                {
                    double atX = A * (x + 0.5) + B * (y + 0.5) + C, atY = D * (x + 0.5) + E * (y + 0.5) + F;
                    uint* to = (uint*)output + (y * width + x);
                    if (!(atX >= 0 && atX < width && atY >= 0 && atY < height))
                    {
                        *to = 0;
                        continue;
                    }
                    double left = Math.Floor(atX - 0.5), top = Math.Floor(atY - 0.5);
                    Vector256<double> dx = Vector256.Create(atX - 0.5 - left), dy = Vector256.Create(atY - 0.5 - top);
                    int x0 = Math.Max((int)left, 0), x1 = Math.Min((int)left + 1, width - 1);
                    int y0 = Math.Max((int)top, 0), y1 = Math.Min((int)top + 1, height - 1);
                    Vector256<double> upper = Between(input + 4 * width * y0, x0, x1, dx), lower = Between(input + 4 * width * y1, x0, x1, dx);
                    Vector256<double> value = upper + (lower - upper) * dy;
                    Vector128<ushort> words = Vector128.Narrow(Truncate(value), Vector128<uint>.Zero);
                    *to = Vector128.Narrow(words, words).AsUInt32().ToScalar();
                }
    }

    private static unsafe Vector256<double> Between(byte* row, int x0, int x1, Vector256<double> dx)
    {
        Vector256<double> a = Pixel(row + 4 * x0), b = Pixel(row + 4 * x1);
        return a + (b - a) * dx;
    }

    private static unsafe Vector256<double> Pixel(byte* at)
    {
        if (!Avx.IsSupported) return Vector256.Create((double)at[0], at[1], at[2], at[3]);
        return Avx.ConvertToVector256Double(Sse41.ConvertToVector128Int32(Vector128.CreateScalarUnsafe(*(uint*)at).AsByte()));
    }

    private static Vector128<uint> Truncate(Vector256<double> value) => Avx.IsSupported
        ? Avx.ConvertToVector128Int32WithTruncation(value).AsUInt32()
        : Vector128.Create((uint)value[0], (uint)value[1], (uint)value[2], (uint)value[3]);
}
