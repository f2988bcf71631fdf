using Spikeformer.Data.Events;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Events;

public sealed class FrameOptionsTests
{
    private static readonly DataRecipe Good = new() { Kind = DataKind.Nmnist, TimeSteps = 4 };

    [Fact]
    public void Without_a_canvas_frames_have_the_size_of_the_sensor() =>
        Assert.Equal(new FrameOptions(4, FramesBy.Number, 0, Height: 20, Width: 30, Clip: 0), FrameOptions.From(Good, new(30, 20)));

    [Fact]
    public void All_fields_are_copied() =>
        Assert.Equal(new FrameOptions(5, FramesBy.Duration, 1000, 36, 40, 8),
            FrameOptions.From(Good with
            {
                TimeSteps = 5,
                FramesBy = FramesBy.Duration,
                FrameMicroseconds = 1000,
                Canvas = [36, 40],
                Clip = 8,
            }, new(34, 34)));

    public static TheoryData<string, DataRecipe> Wrong => new()
    {
        { "timeSteps", Good with { TimeSteps = 0 } },
        { "timeSteps", Good with { TimeSteps = 1025 } },
        { "clip", Good with { Clip = 0 } },
        { "frameMicroseconds", Good with { FramesBy = FramesBy.Duration } },
        { "frameMicroseconds", Good with { FramesBy = FramesBy.Duration, FrameMicroseconds = 0 } },
        { "frameMicroseconds", Good with { FrameMicroseconds = 10 } },
        { "canvas", Good with { Canvas = [34] } },
        { "canvas", Good with { Canvas = [34, 0] } },
        { "canvas", Good with { Canvas = [33, 40] } },
        { "canvas", Good with { Canvas = [40, 33] } },
        { "canvas", Good with { Canvas = [60000, 60000] } },
    };

    [Theory, MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void A_wrong_field_is_named(string field, DataRecipe recipe)
    {
        var error = Assert.Throws<SpikeformerException>(() => FrameOptions.From(recipe, new(34, 34)));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.StartsWith($"recipe field data.{field}: ", error.Message);
    }
}
