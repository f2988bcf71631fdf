using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Training;

public sealed class LossScalerTests
{
    [Fact]
    public void The_scale_halves_at_every_step_that_is_not_finite()
    {
        var scaler = new LossScaler();
        for (float expected = 65536; expected > 1f / 8; expected /= 2)
        {
            Assert.Equal(expected, scaler.Scale);
            scaler.Update(isFinite: false);
        }
    }

    [Fact]
    public void The_scale_doubles_after_2000_consecutive_finite_steps_and_no_earlier()
    {
        var scaler = new LossScaler();
        Finite(scaler, 1999);
        Assert.Equal((65536, 1999), (scaler.Scale, scaler.FiniteSteps));
        scaler.Update(isFinite: false);
        Finite(scaler, 1999);
        Assert.Equal(32768, scaler.Scale);
        Finite(scaler, 1);
        Assert.Equal((65536, 0), (scaler.Scale, scaler.FiniteSteps));
    }

    [Fact]
    public void The_scale_never_grows_to_infinity()
    {
        var scaler = new LossScaler();
        scaler.Restore(MathF.ScaleB(1, 127), 1999);
        Finite(scaler, 1);
        Assert.Equal(MathF.ScaleB(1, 127), scaler.Scale);
    }

    private static void Finite(LossScaler scaler, int steps)
    {
        for (int step = 0; step < steps; step++) scaler.Update(isFinite: true);
    }
}
