using System.Text;
using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Formats;

public sealed class Aedat20ReaderTests
{
    private readonly EventStream _events = new();

    [Theory]
    [InlineData(AddressConvention.SpikingJelly, 127 - 90, 127 - 5, 0)]
    [InlineData(AddressConvention.Tonic, 90, 5, 1)]
    [InlineData(AddressConvention.Plain, 5, 90, 1)]
    public void Each_convention_reads_the_address_bits_in_its_own_way(AddressConvention convention, int x, int y, int polarity)
    {
        Read(Aedat.File20((Aedat.Address(low: 5, high: 90, polarity: 1), 77)), convention);
        Assert.Equal((77L, x, y, polarity), (_events.Times[0], _events.X[0], _events.Y[0], _events.Polarities[0]));
        Assert.Equal(new SensorSize(128, 128), _events.Sensor);
    }

    [Fact]
    public void Times_are_unsigned_and_continue_after_an_overflow()
    {
        RecordingNotes notes = Read(Aedat.File20((0, 0xFFFF_FFF0), (0, 5), (0, 4), (0, 9)));
        Assert.Equal([0xFFFF_FFF0L, (1L << 32) + 4, (1L << 32) + 5, (1L << 32) + 9], _events.Times.ToArray());
        Assert.Equal(new RecordingNotes(OverflowWords: 1, BackwardSteps: 1), notes);
    }

    [Fact]
    public void External_events_are_skipped_and_counted()
    {
        Assert.Equal(new RecordingNotes(0, 0, OtherWords: 2), Read(Aedat.File20((0x8000, 1), (2, 2), (0xFFFF, 3))));
        Assert.Equal([2L], _events.Times.ToArray());
    }

    [Fact]
    public void A_recording_of_another_camera_is_rejected_but_a_stray_word_is_not()
    {
        (uint, uint)[] hundred = [.. Enumerable.Range(0, 100).Select(i => (2u, (uint)i))];
        Assert.Equal(1, Read(Aedat.File20([.. hundred, (0x8000_0000, 100)])).OutsideSensor);
        Assert.Equal(100, _events.Count);
        Refused("a.aedat: 2 of 102 events lie outside the sensor of 128x128 pixels", Aedat.File20([.. hundred, (0x8000_0000, 100), (0x1_0000, 101)]));
    }

    [Fact]
    public void The_header_may_have_any_line_endings_and_an_event_may_begin_with_a_number_sign()
    {
        byte[] words = Aedat.Words20((0x0000_0004, 1));
        foreach (string header in new[] { "#!AER-DAT2.0\n", "#!AER-DAT2.0\r\n# caf\u00e9\t1\r\n#End Of ASCII Header\r\n" })
        {
            Read([.. Encoding.UTF8.GetBytes(header), .. words]);
            Assert.Equal([1L], _events.Times.ToArray());
        }
        // '#' 00 00 04 is neither an event of a DVS128 camera nor text.
        byte[] marked = Aedat.Words20([(0x2300_0004, 0x000A_0000), .. Enumerable.Repeat((4u, 7u), 100)]);
        Assert.Equal(1, Read([.. Encoding.ASCII.GetBytes(Aedat.Header20), .. marked]).OutsideSensor);
        Assert.Equal(100, _events.Count);
    }

    [Fact]
    public void A_header_alone_is_an_empty_recording()
    {
        Assert.Equal(default, Read(Aedat.File20()));
        Assert.Equal(0, _events.Count);
    }

    [Fact]
    public void A_file_that_ends_inside_an_event_is_named_with_the_byte()
    {
        byte[] whole = Aedat.File20((0, 1), (0, 2));
        for (int cut = 1; cut < 8; cut++) Refused($"a.aedat: ends inside an event at byte {whole.Length - 8}", whole[..^cut]);
    }

    [Theory]
    [InlineData(""), InlineData("\0\0\0\0"), InlineData("#!AER-DAT"), InlineData("#!AER-DAT3.1\r\n"), InlineData("#!AER-DAT2.0")]
    public void Files_that_are_not_AEDAT_2_recordings_are_rejected(string start) => Refused("a.aedat: byte 0: ", Encoding.ASCII.GetBytes(start));

    [Fact]
    public void Damaged_files_give_events_on_the_sensor_or_an_error_that_names_the_file()
    {
        byte[] good = Aedat.File20([.. Enumerable.Range(0, 60).Select(i => (Aedat.Address(i, 127 - i, i & 1), (uint)(1000 * i)))]);
        Mutations.Try(good, seed: 20, bytes => Read(bytes), "a.aedat", _events);
    }

    [Fact]
    public void Real_recordings_read_as_documented()
    {
        string folder = TestData.Folder("aedat2");
        Assert.Equal(default, ReadFile(folder, "dvs128_moving_dark_box_200k.aedat"));
        Assert.Equal((200_000, 15.517), (_events.Count, Math.Round((_events.Times[^1] - _events.Times[0]) * 1e-6, 3)));
        Assert.Equal((0, 127, 0, 127), (Least(_events.X), Most(_events.X), Least(_events.Y), Most(_events.Y)));

        Assert.Equal(default, ReadFile(folder, "dvs128_foam90_unsigned_timestamps.aedat"));
        Assert.Equal((1575, 2_693_326_797L, 2_698_248_407L), (_events.Count, _events.Times[0], _events.Times[^1]));
        Assert.Equal(0.208, Math.Round(1 - _events.Polarities.ToArray().Average(p => (double)p), 3)); // bit 0 set = OFF

        Assert.Equal(default, ReadFile(folder, "davis346_header_only.aedat"));
        Assert.Equal(0, _events.Count);
    }

    private RecordingNotes Read(byte[] bytes, AddressConvention convention = AddressConvention.SpikingJelly) =>
        Aedat20Reader.Read(bytes, "a.aedat", convention, _events);

    private RecordingNotes ReadFile(string folder, string name) => Read(File.ReadAllBytes(Path.Combine(folder, name)));

    private void Refused(string message, byte[] bytes)
    {
        var error = Assert.Throws<SpikeformerException>(() => Read(bytes));
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.StartsWith(message, error.Message);
    }

    private static int Least(ReadOnlySpan<ushort> values) => values.ToArray().Min();

    private static int Most(ReadOnlySpan<ushort> values) => values.ToArray().Max();
}
