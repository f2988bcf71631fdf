using Spikeformer.Data;
using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.Data.Recordings;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>Compares events and clips of hand-made AEDAT 3.1 files with SpikingJelly 0.0.0.0.10. The only difference is intended: the reference
/// keeps the last event of the file, whose validity bit is 0.</summary>
public sealed class Aedat31GoldenTests
{
    private static readonly GoldenFile Golden = GoldenFile.Load("aedat31_decoded");

    [Fact]
    public void Events_equal_the_reference_except_the_invalid_one()
    {
        (EventStream events, RecordingNotes notes) = Read("sample_aedat31.aedat");
        Assert.Equal(new RecordingNotes(0, 0, OtherWords: 1), notes);
        CheckEvents("events", events, without: 1);
    }

    [Fact]
    public void The_overflow_counter_gives_the_times_of_the_reference()
    {
        (EventStream events, RecordingNotes notes) = Read("sample_aedat31_overflow.aedat");
        Assert.Equal(default, notes);
        CheckEvents("overflow_events", events, without: 0);
    }

    [Fact]
    public void Clips_of_the_labels_equal_the_reference()
    {
        // The data set also needs a test trial. It is the same trial under another name.
        using var folder = new TemporaryFolder();
        foreach (string name in new[] { "user99_lab", "user98_lab" })
        {
            File.Copy(GoldenFile.PathOf("sample_aedat31.aedat"), folder[$"{name}.aedat"]);
            File.Copy(GoldenFile.PathOf("sample_aedat31_labels.csv"), folder[$"{name}_labels.csv"]);
        }
        File.WriteAllText(folder["trials_to_train.txt"], "user99_lab.aedat\n");
        File.WriteAllText(folder["trials_to_test.txt"], "user98_lab.aedat\n");
        using var dataset = (RecordingDataset)DvsGesture.Open(folder.Path, new(4, FramesBy.Number, 0, 128, 128, 0));

        string[] clips = [.. Golden.Tensors.Keys.Where(key => key.StartsWith("split/") && key.EndsWith("/t")).Select(key => key[..^2]).Order(StringComparer.Ordinal)];
        Assert.Equal(4, clips.Length);
        Assert.Equal((clips.Length, clips.Length), (dataset.Count(Split.Train), dataset.Count(Split.Test)));
        // Class folders sorted as text: 0, 1, 10.
        Assert.Equal([0, 1, 1, 2], Enumerable.Range(0, 4).Select(clip => dataset.Label(Split.Train, clip)));
        var events = new EventStream();
        for (int clip = 0; clip < clips.Length; clip++)
        {
            dataset.ReadRecording(Split.Train, clip, events);
            CheckEvents(clips[clip], events, without: 0);
        }
    }

    /// <summary>Compares with golden arrays, except for their last few events.</summary>
    private static void CheckEvents(string key, EventStream events, int without)
    {
        Assert.Equal(Golden[$"{key}/t"].AsInt64()[..^without], events.Times.ToArray());
        Assert.Equal(Golden[$"{key}/x"].AsInt64()[..^without], events.X.ToArray().Select(x => (long)x));
        Assert.Equal(Golden[$"{key}/y"].AsInt64()[..^without], events.Y.ToArray().Select(y => (long)y));
        Assert.Equal(Golden[$"{key}/p"].AsInt64()[..^without], events.Polarities.ToArray().Select(p => (long)p));
    }

    private static (EventStream Events, RecordingNotes Notes) Read(string name)
    {
        var events = new EventStream();
        events.Clear(Aedat31Reader.Sensor);
        using FileStream stream = File.OpenRead(GoldenFile.PathOf(name));
        Aedat31Reader reader = Aedat31Reader.OfFile(stream, name);
        while (reader.ReadPacket(events)) { }
        return (events, reader.Notes);
    }
}
