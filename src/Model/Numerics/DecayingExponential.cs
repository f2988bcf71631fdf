using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Spikeformer.Numerics;

/// <summary>Computes exp(-|a z|) for 16 float32 values at once.</summary>
/// <remarks>Every operation is correctly rounded, so the result does not depend on the vector width or on a mathematics library.</remarks>
internal readonly struct DecayingExponential
{
    // 2^r = 1 + r q(r) on |r| <= 1/2. q interpolates at Chebyshev nodes; the relative error of 2^r before rounding is 9e-9.
    private const float Q0 = 0.693147182f, Q1 = 0.240226507f, Q2 = 0.0555035695f;
    private const float Q3 = 0.00961808208f, Q4 = 0.00133909204f, Q5 = 0.000154532128f;
    // Adding 1.5 * 2^23 rounds a small number to an integer and leaves the integer in the lowest bits.
    private const float RoundingShift = 12582912f;

    private readonly float _rate, _rateRest, _limit;

    /// <summary>Prepares the exponential for one rate.</summary>
    /// <param name="alpha">The rate a.</param>
    public DecayingExponential(double alpha)
    {
        // exp(-|a z|) = 2^(-rate |z|). Without the rounding error of the rate, the result would lose digits as |z| grows.
        double rate = Math.Abs(alpha) * 1.4426950408889634;
        _rate = (float)rate;
        _rateRest = (float)(rate - _rate);
        _limit = (float)(127 / rate);
    }

    /// <summary>Returns exp(-|a z|), accurate to 2 ulp; 0 below 2^-126.5 and NaN for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> At(Vector512<float> z)
    {
        // MinNative returns a NaN on the right unchanged. At the limit n is -127, and 2^n is 0.
        Vector512<float> size = Vector512.MinNative(Vector512.Create(_limit), Vector512.Abs(z));
        Vector512<float> shifted = Vector512.FusedMultiplyAdd(size, Vector512.Create(-_rate), Vector512.Create(RoundingShift));
        Vector512<float> n = shifted - Vector512.Create(RoundingShift);
        Vector512<float> r = Vector512.FusedMultiplyAdd(size, Vector512.Create(-_rate), -n);
        r = Vector512.FusedMultiplyAdd(size, Vector512.Create(-_rateRest), r);
        Vector512<float> q = Vector512.FusedMultiplyAdd(Vector512.Create(Q5), r, Vector512.Create(Q4));
        q = Vector512.FusedMultiplyAdd(q, r, Vector512.Create(Q3));
        q = Vector512.FusedMultiplyAdd(q, r, Vector512.Create(Q2));
        q = Vector512.FusedMultiplyAdd(q, r, Vector512.Create(Q1));
        q = Vector512.FusedMultiplyAdd(q, r, Vector512.Create(Q0));
        Vector512<float> p = Vector512.FusedMultiplyAdd(q, r, Vector512<float>.One);
        // 2^n is built in the exponent field and multiplied; adding to p's bits would turn NaN into a number.
        return p * (Vector512.ShiftLeft(shifted.AsInt32(), 23) + Vector512<float>.One.AsInt32()).AsSingle();
    }
}
