using System.Text;
using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.Data.Recordings;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Formats;

public sealed class Aedat31ReaderTests
{
    private readonly EventStream _events = new();

    [Fact]
    public void Every_bit_of_an_event_is_read()
    {
        RecordingNotes notes = Read(Aedat.File31(Aedat.Packet31([new(7, 127, 0, 1), new(0x7FFF_FFFF, 0, 127, 0)])));
        Assert.Equal([7L, 0x7FFF_FFFFL], _events.Times.ToArray());
        Assert.Equal([(127, 0, 1), (0, 127, 0)], Pixels());
        Assert.Equal(default, notes);
    }

    [Fact]
    public void The_number_of_events_decides_not_the_capacity()
    {
        Read(Aedat.File31(Aedat.Packet31([new(1, 1, 2, 0)], spare: 3), Aedat.Packet31([new(2, 3, 4, 1)])));
        Assert.Equal([(1, 2, 0), (3, 4, 1)], Pixels());
    }

    [Fact]
    public void The_overflow_counter_advances_the_clock()
    {
        Read(Aedat.File31(Aedat.Packet31([new(5, 1, 1, 1)]), Aedat.Packet31([new(6, 1, 1, 1)], overflow: 3)));
        Assert.Equal([5L, (3L << 31) + 6], _events.Times.ToArray());
    }

    [Fact]
    public void Packets_of_other_types_are_skipped_by_their_length()
    {
        byte[] frames = Aedat.Packet31(2, 36, 12, 0, 3, 1, 1, new byte[3 * 36]), none = Aedat.Packet31(0, 8, 4, 0, 0, 0, 0, []);
        Read(Aedat.File31(frames, Aedat.Packet31([new(1, 5, 6, 1)]), none, frames));
        Assert.Equal([(5, 6, 1)], Pixels());
    }

    [Fact]
    public void Invalid_events_and_events_outside_the_sensor_are_skipped_and_counted()
    {
        RecordingNotes notes = Read(Aedat.File31(Aedat.Packet31(
            [new(1, 1, 1, 0), new(2, 2, 2, 0, Valid: false), new(3, 128, 0, 0), new(4, 0, 300, 1), new(5, 5, 5, 1)])));
        Assert.Equal([(1, 1, 0), (5, 5, 1)], Pixels());
        Assert.Equal(new RecordingNotes(0, 0, OtherWords: 1, OutsideSensor: 2), notes);
    }

    [Fact]
    public void A_truncated_last_packet_gives_its_complete_events_wherever_it_ends()
    {
        byte[] whole = Aedat.File31(Aedat.Packet31([new(1, 1, 1, 0)]), Aedat.Packet31([new(2, 2, 2, 0), new(3, 3, 3, 1)], spare: 1));
        int second = whole.Length - (28 + 24);
        for (int length = second + 1; length < whole.Length; length++)
        {
            RecordingNotes notes = Read(whole[..length]);
            Assert.Equal(1 + Math.Clamp((length - second - 28) / 8, 0, 2), _events.Count);
            Assert.Equal(length < second + 28 ? second + 28 - length : whole.Length - length, notes.MissingBytes);
        }
        Assert.Equal(0, Read(whole[..second]).MissingBytes);
    }

    public static TheoryData<string, byte[]> Damaged => new()
    {
        { "number 5", Aedat.Packet31(1, 8, 4, 0, 4, 5, 4, new byte[32]) },
        { "valid 3", Aedat.Packet31(1, 8, 4, 0, 4, 2, 3, new byte[32]) },
        { "valid -1", Aedat.Packet31(1, 8, 4, 0, 4, 2, -1, new byte[32]) },
        { "size -8", Aedat.Packet31(2, -8, 4, 0, 4, 2, 2, new byte[32]) },
        { "overflow -1", Aedat.Packet31(1, 8, 4, -1, 4, 2, 2, new byte[32]) },
        { "events of 16 bytes", Aedat.Packet31(1, 16, 4, 0, 2, 2, 2, new byte[32]) },
        { "time at byte 8", Aedat.Packet31(1, 8, 8, 0, 4, 2, 2, new byte[32]) },
        { "2,147,483,647 events", Aedat.Packet31(1, 8, 4, 0, int.MaxValue, int.MaxValue, 0, new byte[32]) },
    };

    [Theory, MemberData(nameof(Damaged), DisableDiscoveryEnumeration = true)]
    public void A_damaged_packet_header_is_named_with_its_byte(string why, byte[] packet)
    {
        byte[] first = Aedat.Packet31([new(1, 1, 1, 0)]);
        var error = Assert.Throws<SpikeformerException>(() => Read(Aedat.File31(first, packet)));
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.StartsWith($"a.aedat: byte {Aedat.Header31.Length + first.Length}: the packet header is damaged", error.Message);
        Assert.Contains(why, error.Message);
    }

    [Theory]
    [InlineData("", "byte 0: not an AEDAT 3.1"), InlineData("#!AER-DAT2.0\r\n", "byte 0: not an AEDAT 3.1"),
    InlineData("#!AER-DAT3.1\r\n#Format: RAW\r\n", "byte 28: the header has no line #!END-HEADER"),
    InlineData("#!AER-DAT3.1\r\nx\r\n#!END-HEADER\r\n", "byte 14: the header has no line #!END-HEADER")]
    public void Files_that_are_not_AEDAT_3_1_recordings_are_rejected(string text, string why) =>
        Assert.StartsWith($"a.aedat: {why}", Assert.Throws<SpikeformerException>(() => Read(Encoding.ASCII.GetBytes(text))).Message);

    [Fact]
    public void Damaged_files_give_events_on_the_sensor_or_an_error_that_names_the_file()
    {
        MadeEvent[] events = [.. Enumerable.Range(0, 40).Select(i => new MadeEvent(100 * i, i, 127 - i, i & 1))];
        byte[] good = Aedat.File31(Aedat.Packet31(events[..15], spare: 2), Aedat.Packet31(0, 8, 4, 0, 2, 2, 2, new byte[16]), Aedat.Packet31(events[15..]));
        Mutations.Try(good, seed: 31, bytes =>
        {
            Read(bytes);
            _events.SortByTime();
        }, "a.aedat", _events);
    }

    [Fact]
    public void A_real_recording_reads_as_documented()
    {
        string folder = TestData.Folder("reencoded_aedat31"), path = Path.Combine(folder, "user01_fluorescent.aedat");
        Assert.Equal(default, Read(File.ReadAllBytes(path)));
        Assert.Equal((100_000, 1000L, 8_319_708L), (_events.Count, _events.Times[0], _events.Times[^1]));
        List<GestureWindow> windows = GestureTrial.ReadLabels(Path.Combine(folder, "user01_fluorescent_labels.csv"));
        Assert.Equal([1, 2, 9, 10, 11], windows.Select(window => window.Class));
        long[] times = _events.Times.ToArray();
        Assert.Equal([14_062, 30_614, 20_787, 30_656, 3_464], windows.Select(window => times.Count(t => t >= window.From && t < window.To)));
    }

    /// <summary>Reads a whole file in the order of its events.</summary>
    private RecordingNotes Read(byte[] bytes)
    {
        _events.Clear(Aedat31Reader.Sensor);
        Aedat31Reader reader = Aedat31Reader.OfFile(new MemoryStream(bytes), "a.aedat");
        while (reader.ReadPacket(_events)) { }
        return reader.Notes;
    }

    private (int, int, int)[] Pixels() =>
        [.. Enumerable.Range(0, _events.Count).Select(i => ((int)_events.X[i], (int)_events.Y[i], (int)_events.Polarities[i]))];
}
