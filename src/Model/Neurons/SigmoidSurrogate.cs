using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Spikeformer.Numerics;

namespace Spikeformer.Neurons;

/// <summary>The slope of sigmoid(a z), the surrogate for the derivative of a spike, for 16 float32 values at once.</summary>
/// <remarks>a sg (1 - sg) is computed as a e / (1 + e)^2 with e = exp(-|a z|): the same function, but without overflow or cancellation.
/// Only correctly rounded operations are used, so the bits depend on no vector width and no mathematics library.</remarks>
internal readonly struct SigmoidSurrogate
{
    private readonly DecayingExponential _exponential;
    private readonly float _gain;

    /// <summary>The surrogate of one steepness.</summary>
    /// <param name="alpha">a.</param>
    /// <param name="factor">What every slope is multiplied by.</param>
    public SigmoidSurrogate(double alpha, double factor)
    {
        _exponential = new DecayingExponential(alpha);
        _gain = (float)(alpha * factor);
    }

    /// <summary>The factor times d sigmoid(a z)/dz; 0 where exp(-|a z|) is below 2^-126.5, NaN where z is NaN.</summary>
    /// <param name="z">Potential above the threshold.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Slope(Vector512<float> z)
    {
        Vector512<float> e = _exponential.At(z);
        Vector512<float> denominator = Vector512<float>.One + e;
        return e * Vector512.Create(_gain) / (denominator * denominator);
    }
}
