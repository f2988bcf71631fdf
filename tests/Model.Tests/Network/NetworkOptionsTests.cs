using Spikeformer.Network;
using Xunit;

namespace Spikeformer.Model.Tests.Network;

public sealed class NetworkOptionsTests
{
    private static readonly NetworkOptions s_valid = new();

    public static TheoryData<string, NetworkOptions> Invalid => new()
    {
        { "frames of 34x32 pixels are not divisible by the tokenizer's total stride 4", s_valid with { Height = 34 } },
        { "frames of 32x30 pixels", s_valid with { FrameWidth = 30 } },
        { "width 64 is not divisible by 5 heads", s_valid with { Heads = 5 } },
        { "cannot be halved", s_valid with { Width = 2, Heads = 1, Strides = [2, 2, 2], Height = 32 } },
        { "1 classes", s_valid with { Classes = 1 } },
        { "0 blocks", s_valid with { Depth = 0 } },
        { "0 time steps", s_valid with { TimeSteps = 0 } },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Sizes_that_do_not_fit_together_are_refused_with_the_sizes_named(string named, NetworkOptions options)
    {
        var error = Assert.Throws<SpikeformerException>(() => new SpikeformerNetwork(options));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains(named, error.Message);
    }

    [Fact]
    public void A_refused_frame_size_names_the_next_size_that_fits() =>
        Assert.Contains("[36, 32]", Assert.Throws<SpikeformerException>((s_valid with { Height = 34 }).Validate).Message);

    [Theory]
    [InlineData(new[] { 2, 2, 2 }, 256, new[] { 64, 128, 256 })]
    [InlineData(new[] { 2, 1, 2, 1 }, 64, new[] { 32, 32, 64, 64 })]
    [InlineData(new[] { 2, 1, 2, 1, 2, 1, 2, 1 }, 512, new[] { 64, 64, 128, 128, 256, 256, 512, 512 })]
    public void Channels_double_from_stage_to_stage_up_to_the_width(int[] strides, int width, int[] channels) =>
        Assert.Equal(channels, (s_valid with { Strides = strides, Width = width }).BlockChannels);
}
