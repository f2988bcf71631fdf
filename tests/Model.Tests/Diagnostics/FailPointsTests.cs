using Spikeformer.Diagnostics;
using Xunit;

namespace Spikeformer.Model.Tests.Diagnostics;

public sealed class FailPointsTests
{
    [Fact]
    public void A_list_gives_worker_place_step_and_signal()
    {
        Assert.Empty(FailPoints.Parse(null));
        Assert.Empty(FailPoints.Parse(""));
        Assert.Equal([new("a/1", "compute", 30, 9), new("b/0", "lend", -1, 19), new("a/0", "couple", 2, -1), new("a/0", "applied", 5, 0), new("a/2", "save", 7, 15)],
            FailPoints.Parse("a/1:compute@30=kill,b/0:lend@*=stop,a/0:couple@2=hang,a/0:applied@5=fault,a/2:save@7=term"));
    }

    [Theory]
    [InlineData("compute@30=kill")]
    [InlineData("a/1:compute=kill")]
    [InlineData("a/1:compute@30")]
    [InlineData("a/1:compute@30=maim")]
    [InlineData("a/1:compute@x=kill")]
    public void Anything_else_is_rejected(string text) => Assert.Throws<FormatException>(() => FailPoints.Parse(text));
}
