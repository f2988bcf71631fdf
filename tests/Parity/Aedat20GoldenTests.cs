using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>Compares events and frames of a hand-made AEDAT 2.0 file with SpikingJelly 0.0.0.0.10's CIFAR10-DVS.</summary>
public sealed class Aedat20GoldenTests
{
    private static readonly GoldenFile Golden = GoldenFile.Load("aedat20_decoded");
    private readonly EventStream _events = new();

    public Aedat20GoldenTests() => Assert.Equal(default,
        Aedat20Reader.Read(File.ReadAllBytes(GoldenFile.PathOf("sample_aedat20.aedat")), "sample_aedat20.aedat", AddressConvention.SpikingJelly, _events));

    [Fact]
    public void Events_equal_the_reference()
    {
        Assert.Equal(Golden["events/t"].AsInt64(), _events.Times.ToArray());
        Assert.Equal(Golden["events/x"].AsInt64(), _events.X.ToArray().Select(x => (long)x));
        Assert.Equal(Golden["events/y"].AsInt64(), _events.Y.ToArray().Select(y => (long)y));
        Assert.Equal(Golden["events/p"].AsInt64(), _events.Polarities.ToArray().Select(p => (long)p));
    }

    [Fact]
    public void Frames_by_number_equal_the_reference()
    {
        var options = new FrameOptions(4, FramesBy.Number, 0, 128, 128, 0);
        var frames = new float[options.Shape.Elements];
        EventFrames.Fill(_events, options, frames);
        var expected = new float[frames.Length];
        long[] places = Golden["frames_number4/nonzero_tpyx"].AsInt64();
        float[] counts = Golden["frames_number4/values"].AsSingle();
        for (int i = 0; i < counts.Length; i++)
            expected[((places[4 * i] * 2 + places[4 * i + 1]) * 128 + places[4 * i + 2]) * 128 + places[4 * i + 3]] = counts[i];
        Assert.Equal(expected, frames);
    }
}
