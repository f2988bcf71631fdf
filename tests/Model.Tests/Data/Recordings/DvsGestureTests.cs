using Spikeformer.Data;
using Spikeformer.Data.Events;
using Spikeformer.Data.Recordings;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Recordings;

public sealed class DvsGestureTests : IDisposable
{
    private const int Events = 250;
    private static readonly FrameOptions Options = new(2, FramesBy.Number, 0, 128, 128, 0);
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _warnings = [];

    private string Trials => _folder["extract/DvsGesture"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_label_is_a_sample_sorted_by_class_folder_as_text()
    {
        DvsTrees.Gesture(_folder.Path, [1, 2, 24], Events);
        using var dataset = Open();
        Assert.Equal((22, 11), (dataset.Count(Split.Train), dataset.Count(Split.Test)));
        Assert.Equal(Enumerable.Range(0, 22).Select(i => i / 2), Enumerable.Range(0, 22).Select(i => dataset.Label(Split.Train, i)));
        Assert.Equal(["hand-clap", "right-hand-wave", "other", "left-hand-wave"], dataset.ClassNames.Take(4));
        // Folder "10" has index 2 and folder "2" index 3, so sample 4 is the gesture "other" of user 1 and sample 7 the third gesture of user 2.
        CheckRecording(dataset, Split.Train, 4, DvsTrees.Events(110, 10, Events, 1000 + 10 * 50 * Events));
        CheckRecording(dataset, Split.Train, 7, DvsTrees.Events(202, 2, Events, 1000 + 2 * 50 * Events));
        CheckRecording(dataset, Split.Test, 0, DvsTrees.Events(2400, 0, Events, 1000));
        Assert.Equal(["Found 22 training and 11 test samples of DVS128 Gesture; the complete data set has 1176 and 288."], _warnings);
    }

    [Fact]
    public void A_class_that_occurs_twice_gives_two_samples_and_windows_may_overlap()
    {
        DvsTrees.Gesture(_folder.Path, [1, 24], Events);
        File.WriteAllText(Path.Combine(Trials, "user01_led_labels.csv"), "class,startTime_usec,endTime_usec\n2,1000,1500\n11,1250,2000\n2,2000,2001\n");
        using var dataset = Open();
        Assert.Equal([1, 1, 2], Enumerable.Range(0, 3).Select(i => dataset.Label(Split.Train, i)));
        var events = new EventStream();
        int[] counts = [.. Enumerable.Range(0, 3).Select(i => { dataset.ReadRecording(Split.Train, i, events); return events.Count; })];
        Assert.Equal([10, 1, 15], counts); // events are 50 microseconds apart; a window excludes its end
        Assert.Contains("user01_led_labels.csv: windows overlap", _warnings[0]);
    }

    [Fact]
    public void Lists_assign_trials_to_splits_and_without_them_the_user_does()
    {
        DvsTrees.Gesture(_folder.Path, [1, 23, 24], Events, lists: false);
        using (var byUser = Open()) Assert.Equal((22, 11), (byUser.Count(Split.Train), byUser.Count(Split.Test)));
        File.WriteAllText(Path.Combine(Trials, "trials_to_train.txt"), "user24_led.aedat\r\n\n");
        File.WriteAllText(Path.Combine(Trials, "trials_to_test.txt"), "user01_led.aedat");
        using var listed = Open();
        CheckRecording(listed, Split.Train, 0, DvsTrees.Events(2400, 0, Events, 1000));
        Assert.Contains(_warnings, warning => warning.EndsWith("skipped user23_led.aedat because no list names it."));
    }

    [Fact]
    public void A_truncated_trial_keeps_its_complete_events()
    {
        DvsTrees.Gesture(_folder.Path, [1, 24], Events);
        string trial = Path.Combine(Trials, "user01_led.aedat");
        byte[] bytes = File.ReadAllBytes(trial);
        File.WriteAllBytes(trial, bytes[..^12]);
        using var dataset = Open();
        var events = new EventStream();
        dataset.ReadRecording(Split.Train, 2, events); // "other", the last gesture
        Assert.Equal(Events - 2, events.Count);
        Assert.Contains("user01_led.aedat: 12 bytes are missing from the last packet", _warnings[0]);
    }

    [Fact]
    public void The_content_hash_depends_on_recordings_labels_lists_and_options()
    {
        DvsTrees.Gesture(_folder.Path, [1, 2, 24], Events);
        string first = Hash();
        Assert.Equal(first, Hash());
        Assert.NotEqual(first, Hash(Options with { TimeSteps = 3 }));
        string labels = Path.Combine(Trials, "user01_led_labels.csv"), list = Path.Combine(Trials, "trials_to_train.txt");
        string was = File.ReadAllText(labels);
        File.WriteAllText(labels, was.Replace("1000,", "1001,"));
        Assert.NotEqual(first, Hash());
        File.WriteAllText(labels, was);
        Assert.Equal(first, Hash());
        File.WriteAllText(list, "user01_led.aedat\n");
        Assert.NotEqual(first, Hash());
    }

    [Fact]
    public void Reading_a_trial_that_changed_after_opening_fails()
    {
        DvsTrees.Gesture(_folder.Path, [1, 24], Events);
        using var dataset = Open();
        string trial = Path.Combine(Trials, "user01_led.aedat");
        byte[] bytes = File.ReadAllBytes(trial);
        bytes[Aedat.Header31.Length + 28] ^= 4;
        File.WriteAllBytes(trial, bytes);
        var error = Assert.Throws<SpikeformerException>(() => dataset.ReadRecording(Split.Train, 0, new()));
        Assert.Contains("user01_led.aedat: the file has changed", error.Message);
    }

    [Fact]
    public void Event_files_and_frames_of_SpikingJelly_give_the_same_samples()
    {
        DvsTrees.Gesture(_folder.Path, [1, 2, 24], Events);
        using var trials = Open();
        var events = new EventStream();
        var frames = new float[Options.Shape.Elements];
        int[] folders = [0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9];
        foreach ((Split split, string part) in new[] { (Split.Train, "train"), (Split.Test, "test") })
            for (int i = 0; i < trials.Count(split); i++)
            {
                trials.ReadRecording(split, i, events);
                trials.Read(split, i, null, frames);
                string name = $"{part}/{folders[trials.Label(split, i)]}/user{i % 2:D2}_led_0.npz";
                Write($"events/events_np/{name}", Npz.Events(Enumerable.Range(0, events.Count)
                    .Select(e => new MadeEvent(events.Times[e], events.X[e], events.Y[e], events.Polarities[e]))));
                Write($"frames/frames_number_2_split_by_number/{name}", Npz.File(true,
                    ("frames", Npz.Array("<f8", [2, 2, 128, 128], [.. frames.SelectMany(count => BitConverter.GetBytes((double)count))]))));
            }
        using IDataset fromEvents = DvsGesture.Open(_folder["events"], Options), fromPart = DvsGesture.Open(_folder["events/events_np"], Options);
        using IDataset fromFrames = DvsGesture.Open(_folder["frames"], Options);
        foreach (IDataset other in new[] { fromEvents, fromPart, fromFrames }) AssertSame(trials, other);

        Refused(ErrorKind.Usage, "frames holds frames_number_2_split_by_number but the recipe needs frames_number_4_split_by_number", "frames",
            Options with { TimeSteps = 4 });
        Directory.Delete(_folder["events/events_np/test/10"], recursive: true);
        Refused(ErrorKind.Usage, "test has no folder for class 10", "events");
    }

    [Fact]
    public void Missing_or_wrong_files_are_named()
    {
        Refused(ErrorKind.NotFound, "gone does not exist", "gone");
        Directory.CreateDirectory(_folder["empty"]);
        Refused(ErrorKind.Usage, "empty holds no data set of this kind", "empty");
        Write("archive/download/DvsGesture.tar.gz", [1]);
        Refused(ErrorKind.Usage, "data prepare dvs-gesture --source", "archive");

        DvsTrees.Gesture(_folder.Path, [1, 24], Events);
        string labels = Path.Combine(Trials, "user01_led_labels.csv"), list = Path.Combine(Trials, "trials_to_test.txt");
        string was = File.ReadAllText(labels);
        foreach ((string line, string message) in new[]
                 {
                     ("12,1,2", "line 2: class 12 is not between 1 and 11"), ("1,5,5", "line 2: the window must end after its start at 5"), ("1,-5,5", "line 2: '1,-5,5' is not"),
                     ("1,5", "line 2: '1,5' is not class, start and end"), ("", "line 1: no label"), ("1,1,2", "the window from 1 to 2 has no events"),
                 })
        {
            File.WriteAllText(labels, $"class,startTime_usec,endTime_usec\n{line}\n");
            Refused(ErrorKind.CheckFailed, $"user01_led_labels.csv: {message}", "");
        }
        File.Delete(labels);
        Refused(ErrorKind.NotFound, "user01_led_labels.csv cannot be read", "");
        File.WriteAllText(labels, was);
        File.WriteAllText(list, "user25_led.aedat\n");
        Refused(ErrorKind.NotFound, "lists the trial user25_led.aedat but does not contain it", "");
        File.WriteAllText(list, "user01_led.aedat\n");
        Refused(ErrorKind.CheckFailed, "trial user01_led.aedat is listed twice", "");
        File.Delete(list);
        Refused(ErrorKind.Usage, "only one of trials_to_train.txt and trials_to_test.txt", "");
        File.Delete(Path.Combine(Trials, "trials_to_train.txt"));
        File.Delete(Path.Combine(Trials, "user24_led.aedat"));
        Refused(ErrorKind.Usage, "1 training and 0 test trials", "");
    }

    private RecordingDataset Open(FrameOptions? options = null) => (RecordingDataset)DvsGesture.Open(_folder.Path, options ?? Options, _warnings.Add);

    private string Hash(FrameOptions? options = null)
    {
        using RecordingDataset dataset = Open(options);
        return dataset.ContentHash;
    }

    private void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllBytes(_folder[name], bytes);
    }

    private void Refused(ErrorKind kind, string message, string part, FrameOptions? options = null)
    {
        var error = Assert.Throws<SpikeformerException>(() => DvsGesture.Open(Path.Combine(_folder.Path, part), options ?? Options));
        Assert.Contains(message, error.Message);
        Assert.Equal(kind, error.Kind);
    }

    private static void CheckRecording(RecordingDataset dataset, Split split, int index, MadeEvent[] expected)
    {
        var events = new EventStream();
        Assert.Equal(default, dataset.ReadRecording(split, index, events));
        Assert.Equal(expected, Enumerable.Range(0, events.Count).Select(i => new MadeEvent(events.Times[i], events.X[i], events.Y[i], events.Polarities[i])));
    }

    internal static void AssertSame(IDataset expected, IDataset actual)
    {
        Assert.Equal((expected.Shape, expected.Name), (actual.Shape, actual.Name));
        Assert.Equal(expected.ClassNames, actual.ClassNames);
        float[] a = new float[expected.Shape.Elements], b = new float[expected.Shape.Elements];
        foreach (Split split in Enum.GetValues<Split>())
        {
            Assert.Equal(expected.Count(split), actual.Count(split));
            for (int i = 0; i < expected.Count(split); i++)
            {
                expected.Read(split, i, null, a);
                actual.Read(split, i, null, b);
                Assert.True(a.AsSpan().SequenceEqual(b), $"{split} sample {i}");
                Assert.Equal(expected.Label(split, i), actual.Label(split, i));
            }
        }
    }
}
