using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Model.Tests.Runs;

public sealed class RunOriginTests
{
    [Theory]
    [InlineData("weights", 0)]
    [InlineData("weights", 7)]
    [InlineData(null, 0)]
    public void A_run_starts_in_any_epoch_with_weights_and_in_the_first_without(string? weights, int epoch) => RunOrigin.Check(weights, epoch, epochs: 8);

    [Theory]
    [InlineData("weights", 8, "epoch 8: the recipe has epochs 0 to 7")]
    [InlineData("weights", -1, "epoch -1")]
    [InlineData(null, 7, "--init-from")]
    public void Any_other_start_is_refused_with_a_remedy(string? weights, int epoch, string message)
    {
        var error = Assert.Throws<SpikeformerException>(() => RunOrigin.Check(weights, epoch, epochs: 8));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains(message, error.Message);
    }
}
