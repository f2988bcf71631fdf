using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Formats;

public sealed class NmnistReaderTests
{
    private readonly EventStream _events = new();

    [Fact]
    public void Every_bit_of_an_event_is_read()
    {
        NmnistReader.Read([33, 0, 0x80 | 0x12, 0x34, 0x56, 1, 33, 0x7F, 0xFF, 0xFF], "a.bin", _events);
        Assert.Equal([0x123456L, 0x7FFFFFL], _events.Times.ToArray());
        Assert.Equal([33, 1], _events.X.ToArray().Select(x => (int)x));
        Assert.Equal([0, 33], _events.Y.ToArray().Select(y => (int)y));
        Assert.Equal([1, 0], _events.Polarities.ToArray().Select(p => (int)p));
        Assert.Equal(new SensorSize(34, 34), _events.Sensor);
    }

    [Fact]
    public void A_word_in_row_240_advances_the_clock_and_is_not_an_event()
    {
        byte[] bytes = [1, 1, 0, 0, 5, 0, 240, 0, 0, 0, 2, 2, 0, 0, 6, 99, 240, 0, 0, 9, 3, 3, 0, 0, 7];
        Assert.Equal(new RecordingNotes(OverflowWords: 2, BackwardSteps: 0), NmnistReader.Read(bytes, "a.bin", _events));
        Assert.Equal([5L, 8192 + 6, 2 * 8192 + 7], _events.Times.ToArray());
    }

    [Fact]
    public void Events_out_of_order_are_sorted_and_counted()
    {
        byte[] bytes = [1, 0, 0, 0, 9, 2, 0, 0, 0, 4, 3, 0, 0, 0, 9, 4, 0, 0, 0, 4];
        Assert.Equal(new RecordingNotes(0, 2), NmnistReader.Read(bytes, "a.bin", _events));
        Assert.Equal([2, 4, 1, 3], _events.X.ToArray().Select(x => (int)x));
    }

    [Fact]
    public void A_truncated_file_is_named_with_the_byte()
    {
        var error = Assert.Throws<SpikeformerException>(() => NmnistReader.Read(new byte[13], "Train/3/00007.bin", _events));
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.Contains("Train/3/00007.bin: ends inside an event at byte 10", error.Message);
    }

    [Theory]
    [InlineData(34, 0, "byte 5: x = 34"), InlineData(0, 34, "byte 6: y = 34"), InlineData(0, 239, "byte 6: y = 239"),
    InlineData(255, 1, "byte 5: x = 255")]
    public void An_event_outside_the_sensor_is_named_with_the_byte(byte x, byte y, string where)
    {
        var error = Assert.Throws<SpikeformerException>(() => NmnistReader.Read([0, 0, 0, 0, 1, x, y, 0, 0, 2], "a.bin", _events));
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.Contains($"a.bin: {where} lies outside the sensor (0 to 33)", error.Message);
    }

    [Fact]
    public void An_empty_or_overlong_file_is_rejected()
    {
        Assert.Contains("a.bin: the recording is empty",
            Assert.Throws<SpikeformerException>(() => NmnistReader.Read([], "a.bin", _events)).Message);
        Assert.Contains("too much", Assert.Throws<SpikeformerException>(() => NmnistReader.CheckLength((64L << 20) + 5, "a.bin")).Message);
        NmnistReader.CheckLength((64 << 20) / 5 * 5, "a.bin");
    }

    [Fact]
    public void A_real_recording_reads_as_documented()
    {
        string file = Path.Combine(TestData.Folder("nmnist_single"), "sample_nmnist.bin");
        Assert.Equal(default, NmnistReader.Read(File.ReadAllBytes(file), file, _events));
        Assert.Equal((4325, 654L, 311_175L), (_events.Count, _events.Times[0], _events.Times[^1]));
        Assert.Equal((0, 33), (_events.X.ToArray().Min(), _events.X.ToArray().Max()));
        Assert.Equal((0, 33), (_events.Y.ToArray().Min(), _events.Y.ToArray().Max()));
    }
}
