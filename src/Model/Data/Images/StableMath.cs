namespace Spikeformer.Data.Images;

/// <summary>Elementary functions that use only addition, multiplication and division, so that draws have the same bits on every machine. The
/// last digit of the system's mathematics library can change with any update.</summary>
internal static class StableMath
{
    private const long Unit = 1L << 60;

    /// <summary>e^x with a relative error of about 1e-15, for |x| up to 4.</summary>
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

    /// <summary>Rounds a number of at most 4 to 15 decimals, ties to even, like Python's <c>round</c>.</summary>
    public static double Round15(double x) => Nearest(Math.Round(Exact(x), 15));

    // With 28 digits, one rounding to 53 bits gives the result of a good library, and therefore Pillow's pixels.
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

    /// <summary>Converts exactly. The conversion of the language keeps only 15 digits.</summary>
    private static decimal Exact(double x) => (decimal)(long)(x * Unit) / Unit;

    private static double Nearest(decimal x)
    {
        double near = (double)x;
        return near + (double)(x - Exact(near));
    }
}
