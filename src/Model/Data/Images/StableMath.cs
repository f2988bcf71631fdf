namespace Spikeformer.Data.Images;

/// <summary>Elementary functions from additions, products and quotients alone, so that draws have the same bits on every machine; the
/// system's mathematics library may change its last digit with any update.</summary>
internal static class StableMath
{
    private const long Unit = 1L << 60;

    /// <summary>e^x to about 1e-15 relative, for |x| up to 4.</summary>
    public static double Exp(double x)
    {
        double eighth = x / 8, sum = 1;
        for (int n = 18; n > 0; n--) sum = 1 + sum * eighth / n;
        double square = sum * sum, fourth = square * square;
        return fourth * fourth;
    }

    /// <summary>Sine, rounded to the nearest, for |x| up to 2 pi (radians).</summary>
    public static double Sin(double x) => Nearest(ExactSin(Exact(x)));

    /// <summary>Cosine, rounded to the nearest, for |x| up to 2 pi (radians).</summary>
    public static double Cos(double x) => Nearest(ExactCos(Exact(x)));

    /// <summary>Tangent, rounded to the nearest, for |x| up to 1.4 (radians).</summary>
    public static double Tan(double x) => Nearest(ExactSin(Exact(x)) / ExactCos(Exact(x)));

    /// <summary>A number of at most 4 rounded to 15 decimals, ties to the even one: Python's round.</summary>
    public static double Round15(double x) => Nearest(Math.Round(Exact(x), 15));

    // 28 digits: rounding to 53 bits once gives what a good library gives, and so Pillow's pixels.
    private static decimal ExactSin(decimal x)
    {
        decimal square = x * x, sum = 1;
        for (int n = 61; n > 1; n -= 2) sum = 1 - sum * square / (n * (n - 1));
        return x * sum;
    }

    private static decimal ExactCos(decimal x)
    {
        decimal square = x * x, sum = 1;
        for (int n = 60; n > 1; n -= 2) sum = 1 - sum * square / (n * (n - 1));
        return sum;
    }

    /// <summary>The conversion of the language keeps 15 digits only.</summary>
    private static decimal Exact(double x) => (decimal)(long)(x * Unit) / Unit;

    private static double Nearest(decimal x)
    {
        double near = (double)x;
        return near + (double)(x - Exact(near));
    }
}
