using Spikeformer.Numerics;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

/// <summary>Element by element comparison that reports the worst element.</summary>
internal static class Close
{
    public static void Check(string what, ReadOnlySpan<double> expected, Tensor tensor, double tolerance)
    {
        using Tensor wide = tensor.detach().to(ScalarType.Float64).contiguous();
        ReadOnlySpan<double> actual = TensorMemory.Span<double>(wide);
        Assert.Equal(expected.Length, actual.Length);
        (int worst, double distance) = (-1, tolerance);
        for (int i = 0; i < expected.Length; i++)
        {
            // This order of the comparison makes NaN the worst value.
            double here = Math.Abs(expected[i] - actual[i]);
            if (here <= distance) continue;
            (worst, distance) = (i, double.IsNaN(here) ? double.PositiveInfinity : here);
        }
        if (worst >= 0)
            Assert.Fail($"{what}: element {worst} of {expected.Length} is {actual[worst]:R}, expected {expected[worst]:R}; "
                + $"the difference {distance:E2} exceeds {tolerance:E2}.");
        GC.KeepAlive(wide);
    }
}
