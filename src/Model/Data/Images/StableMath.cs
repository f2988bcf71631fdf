namespace Spikeformer.Data.Images;

/// <summary>Elementary functions from additions, products and quotients alone, so that draws have the same bits on every machine; the
/// system's mathematics library may change its last digit with any update.</summary>
internal static class StableMath
{
    /// <summary>e^x to about 1e-16 relative, for |x| up to 4.</summary>
    public static double Exp(double x)
    {
        double eighth = x / 8, sum = 1;
        for (int n = 18; n > 0; n--) sum = 1 + sum * eighth / n;
        double square = sum * sum, fourth = square * square;
        return fourth * fourth;
    }

    /// <summary>Sine, for |x| up to 4 (radians).</summary>
    public static double Sin(double x)
    {
        double square = x * x, sum = 1;
        for (int n = 29; n > 1; n -= 2) sum = 1 - sum * square / (n * (n - 1));
        return x * sum;
    }

    /// <summary>Cosine, for |x| up to 4 (radians).</summary>
    public static double Cos(double x)
    {
        double square = x * x, sum = 1;
        for (int n = 30; n > 1; n -= 2) sum = 1 - sum * square / (n * (n - 1));
        return sum;
    }

    /// <summary>Tangent, for |x| below pi/2 (radians).</summary>
    public static double Tan(double x) => Sin(x) / Cos(x);
}
