using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Spikeformer.Neurons;

/// <summary>The slope of sigmoid(a z), the surrogate for the derivative of a spike, for 16 float32 values at once.</summary>
/// <remarks>Computes a sg (1 - sg) as a e / (1 + e)^2 with e = exp(-|a z|): the same function without overflow or cancellation. Every
/// operation is correctly rounded, so the result does not depend on the vector width or on a mathematics library.</remarks>
internal readonly struct SigmoidSurrogate
{
    private readonly DecayingExponential _exponential;
    private readonly float _gain;

    /// <summary>Prepares the surrogate for one steepness.</summary>
    /// <param name="alpha">The steepness a.</param>
    /// <param name="factor">A factor on every slope.</param>
    public SigmoidSurrogate(double alpha, double factor)
    {
        _exponential = new DecayingExponential(alpha);
        _gain = (float)(alpha * factor);
    }

    /// <summary>Returns the factor times d sigmoid(a z)/dz; 0 where exp(-|a z|) is below 2^-126.5, NaN where z is NaN.</summary>
    /// <param name="z">Potential above the threshold.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> z)
    {
        Vector512<float> e = _exponential.At(z);
        Vector512<float> denominator = Vector512<float>.One + e;
        return e * Vector512.Create(_gain) / (denominator * denominator);
    }
}
