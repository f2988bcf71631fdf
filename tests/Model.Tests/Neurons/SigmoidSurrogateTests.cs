using System.Runtime.Intrinsics;
using Spikeformer.Neurons;
using Spikeformer.Numerics;
using Xunit;

namespace Spikeformer.Model.Tests.Neurons;

public sealed class SigmoidSurrogateTests
{
    [Theory]
    [InlineData(4.0, 1.0)]
    [InlineData(1.0, 1.0)]
    [InlineData(2.7, 0.3)]
    public void The_exponential_is_accurate_to_2_ulp_and_the_slope_to_5(double alpha, double factor)
    {
        var surrogate = new SigmoidSurrogate(alpha, factor);
        double worstExponential = 0, worstSlope = 0;
        for (float z = -87 / (float)alpha; z < 87 / alpha; z += 3.7e-4f)
        {
            double e = Math.Exp(-Math.Abs(alpha * z)), slope = factor * alpha * e / ((1 + e) * (1 + e));
            worstExponential = Math.Max(worstExponential, Ulps(e, new DecayingExponential(alpha).At(Vector512.Create(z))[0]));
            worstSlope = Math.Max(worstSlope, Ulps(slope, surrogate.Slope(Vector512.Create(z))[0]));
        }
        Assert.InRange(worstExponential, 0.4, 2);
        Assert.InRange(worstSlope, 0.4, 5);
    }

    [Fact]
    public void Far_from_the_threshold_the_slope_is_zero_and_never_negative_or_infinite()
    {
        var surrogate = new SigmoidSurrogate(4, 1);
        foreach (float z in (float[])[22, 22.5f, 31.75f, 100, 1e10f, float.MaxValue, float.PositiveInfinity])
            foreach (float signed in (float[])[z, -z])
                Assert.Equal(0u, BitConverter.SingleToUInt32Bits(surrogate.Slope(Vector512.Create(signed))[7]));
        Assert.True(surrogate.Slope(Vector512.Create(21.8f))[0] > 0);
    }

    [Fact]
    public void At_the_threshold_the_slope_is_a_quarter_of_the_steepness()
    {
        Assert.Equal(1f, new SigmoidSurrogate(4, 1).Slope(Vector512.Create(0f))[0]);
        Assert.Equal(1f, new SigmoidSurrogate(4, 1).Slope(Vector512.Create(-0f))[0]);
        Assert.Equal(0.125f, new SigmoidSurrogate(1, 0.5).Slope(Vector512.Create(0f))[0]);
    }

    private static double Ulps(double exact, float actual) => Math.Abs(actual - exact) / (MathF.BitIncrement((float)exact) - (float)exact);
}
