using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Formats;

public sealed class NpzReaderTests
{
    private static readonly MadeEvent[] Three = [new(5, 1, 2, 1), new(3, 127, 0, 0), new(9, 0, 127, 1)];
    private readonly EventStream _events = new();

    [Fact]
    public void Events_are_sorted_by_time_whatever_their_types()
    {
        byte[][] files =
        [
            Npz.Events(Three),
            Npz.File(true, ("p", Npz.Array("|b1", [3], [1, 0, 1])), ("t", Npz.Array(">u4", [3], [0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 9])),
                ("x", Npz.Array("|u1", [3], [1, 127, 0])), ("y", Npz.Array("<i2", [3], [2, 0, 0, 0, 127, 0]))),
        ];
        foreach (byte[] file in files)
        {
            Assert.Equal(new RecordingNotes(0, BackwardSteps: 1), Read(file));
            Assert.Equal([3L, 5, 9], _events.Times.ToArray());
            Assert.Equal([127, 1, 0], _events.X.ToArray().Select(x => (int)x));
            Assert.Equal([0, 2, 127], _events.Y.ToArray().Select(y => (int)y));
            Assert.Equal([0, 1, 1], _events.Polarities.ToArray().Select(p => (int)p));
        }
    }

    [Fact]
    public void Events_outside_the_sensor_are_skipped_up_to_one_percent()
    {
        MadeEvent[] good = [.. Enumerable.Range(0, 99).Select(i => new MadeEvent(i, i, i, 1))];
        Assert.Equal(1, Read(Npz.Events([.. good, new(99, 128, 0, 1)])).OutsideSensor);
        Assert.Equal(99, _events.Count);
        Assert.Contains("2 of 101 events", Refused(Npz.Events([.. good, new(99, 128, 0, 1), new(100, 0, -1, 1)])));
    }

    [Fact]
    public void Frames_are_read_as_SpikingJelly_writes_them()
    {
        double[] counts = [.. Enumerable.Range(0, 24).Select(i => (double)i)];
        byte[] file = Npz.File(true, ("frames", Npz.Array("<f8", [2, 2, 2, 3], [.. counts.SelectMany(BitConverter.GetBytes)])));
        var frames = new float[24];
        NpzReader.ReadFrames(file, "a.npz", new(2, 2, 2, 3), frames);
        Assert.Equal(counts.Select(count => (float)count), frames);

        Assert.Contains("the frames have the shape (2, 2, 2, 3), not (2, 2, 3, 2)",
            Assert.Throws<SpikeformerException>(() => NpzReader.ReadFrames(file, "a.npz", new(2, 2, 3, 2), frames)).Message);
        byte[] negative = Npz.File(true, ("frames", Npz.Array("|i1", [1, 2, 1, 1], [1, 255])));
        Assert.Contains("a count is negative (-1)",
            Assert.Throws<SpikeformerException>(() => NpzReader.ReadFrames(negative, "a.npz", new(1, 2, 1, 1), new float[2])).Message);
    }

    [Fact]
    public void Wrong_files_are_rejected()
    {
        Assert.Contains("no array y; the file holds t.npy, x.npy", Refused(Npz.File(false, ("t", Npz.Integers(1)), ("x", Npz.Integers(1)))));
        Assert.Contains("1, 2, 1 and 1 values",
            Refused(Npz.File(false, ("t", Npz.Integers(1)), ("x", Npz.Integers(1, 2)), ("y", Npz.Integers(1)), ("p", Npz.Integers(1)))));
        Assert.Contains("array t has 2 axes", Refused(Npz.File(false, ("t", Npz.Array("|u1", [1, 1], [1])))));
        Assert.Contains("not an intact zip file", Refused([1, 2, 3]));
        Assert.Contains("not an intact zip file", Refused(Npz.Events(Three)[..^10]));
    }

    [Fact]
    public void The_checksum_reveals_a_changed_byte_of_a_stored_array()
    {
        byte[] file = Npz.Events(Three);
        file[Array.LastIndexOf(file[..(file.Length / 4)], (byte)'\n') + 1] ^= 1; // the first time stamp
        Assert.Contains("array t does not match its checksum", Refused(file));
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Damaged_files_give_events_on_the_sensor_or_an_error_that_names_the_file(bool deflated)
    {
        byte[] column = Npz.Integers([.. Enumerable.Range(0, 20).Select(i => (long)i)]);
        byte[] good = Npz.File(deflated, ("t", column), ("x", column), ("y", column), ("p", column));
        Mutations.Try(good, seed: 5, bytes => Read(bytes), "a.npz", _events);
    }

    private RecordingNotes Read(byte[] bytes) => NpzReader.ReadEvents(bytes, "a.npz", new(128, 128), _events);

    private string Refused(byte[] bytes)
    {
        var error = Assert.Throws<SpikeformerException>(() => Read(bytes));
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.StartsWith("a.npz: ", error.Message);
        return error.Message;
    }
}
