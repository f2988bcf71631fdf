using System.IO.Compression;
using Spikeformer.Data;
using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.Data.Recordings;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Recordings;

public sealed class DvsCifar10Tests : IDisposable
{
    private const int Events = 60;
    private static readonly FrameOptions Options = new(2, FramesBy.Number, 0, 128, 128, 0);
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _warnings = [];

    public DvsCifar10Tests() => DvsTrees.Cifar10Dvs(_folder.Path, perClass: 12, Events);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Files_are_sorted_by_name_as_text_and_the_last_tenth_of_each_class_is_for_testing()
    {
        using var dataset = (RecordingDataset)DvsCifar10.Open(_folder.Path, Options, _warnings.Add);
        // Twelve recordings per class: 0, 1, 10, 11, 2, .. 8 are for training, 9 is for testing.
        Assert.Equal((110, 10), (dataset.Count(Split.Train), dataset.Count(Split.Test)));
        Assert.Equal(Enumerable.Range(0, 10), Enumerable.Range(0, 10).Select(i => dataset.Label(Split.Test, i)));
        Check(dataset, Split.Train, 2, seed: 10, label: 0);
        Check(dataset, Split.Train, 11 + 4, seed: 1002, label: 1);
        Check(dataset, Split.Test, 3, seed: 3009, label: 3);
        Assert.Equal(["Found 110 training and 10 test samples of CIFAR10-DVS; the complete data set has 9000 and 1000."], _warnings);
    }

    [Fact]
    public void The_address_convention_changes_frames_and_content_hash()
    {
        var hashes = new HashSet<string>();
        foreach (AddressConvention convention in Enum.GetValues<AddressConvention>())
        {
            using var dataset = (RecordingDataset)DvsCifar10.Open(_folder.Path, Options with { Addresses = convention });
            hashes.Add(dataset.ContentHash);
            var events = new EventStream();
            dataset.ReadRecording(Split.Train, 0, events);
            MadeEvent first = DvsTrees.Events(0, 0, Events)[0];
            (int, int, int) expected = convention switch
            {
                AddressConvention.SpikingJelly => (first.X, first.Y, first.Polarity),
                AddressConvention.Tonic => (127 - first.X, 127 - first.Y, 1 - first.Polarity),
                _ => (127 - first.Y, 127 - first.X, 1 - first.Polarity),
            };
            Assert.Equal(expected, (events.X[0], events.Y[0], events.Polarities[0]));
        }
        Assert.Equal(3, hashes.Count);
    }

    [Fact]
    public void Archives_event_files_and_frames_give_the_same_samples()
    {
        using var extract = (RecordingDataset)DvsCifar10.Open(_folder.Path, Options);
        var events = new EventStream();
        var frames = new float[Options.Shape.Elements];
        Directory.CreateDirectory(_folder["zips/download"]);
        foreach (string name in DvsTrees.CifarClasses)
        {
            string recordings = _folder[$"extract/{name}"];
            ZipFile.CreateFromDirectory(recordings, _folder[$"zips/download/{name}.zip"], CompressionLevel.Fastest, includeBaseDirectory: true);
            foreach (string path in Directory.GetFiles(recordings))
            {
                Aedat20Reader.Read(File.ReadAllBytes(path), path, AddressConvention.SpikingJelly, events);
                EventFrames.Fill(events, Options, frames);
                string sample = $"{name}/{Path.GetFileNameWithoutExtension(path)}.npz";
                Write($"events/events_np/{sample}", Npz.Events(Enumerable.Range(0, events.Count)
                    .Select(e => new MadeEvent(events.Times[e], events.X[e], events.Y[e], events.Polarities[e]))));
                Write($"frames/frames_number_2_split_by_number/{sample}", Npz.File(true,
                    ("frames", Npz.Array("|u1", [2, 2, 128, 128], [.. frames.Select(count => (byte)count)]))));
            }
        }
        foreach (string form in new[] { "extract", "zips", "zips/download", "events", "frames", "frames/frames_number_2_split_by_number" })
        {
            using IDataset other = DvsCifar10.Open(_folder[form], Options);
            DvsGestureTests.AssertSame(extract, other);
        }
        Refused(ErrorKind.Usage, "data.addresses", "events", Options with { Addresses = AddressConvention.Plain });
        string archive = _folder["zips/download/ship.zip"];
        File.Delete(archive);
        Refused(ErrorKind.Usage, "no archive ship.zip", "zips");
        ZipFile.CreateFromDirectory(_folder["extract/ship"], archive, CompressionLevel.NoCompression, includeBaseDirectory: true);
        byte[] bytes = File.ReadAllBytes(archive);
        bytes[200] ^= 1; // inside the first recording
        File.WriteAllBytes(archive, bytes);
        Refused(ErrorKind.CheckFailed, "the content does not match its checksum", "zips");
        File.WriteAllBytes(archive, new byte[100]);
        Refused(ErrorKind.CheckFailed, "ship.zip cannot be read", "zips");
    }

    [Fact]
    public void Missing_or_wrong_files_are_named()
    {
        File.WriteAllBytes(_folder["extract/cat/cifar10_cat_3.aedat"], Aedat.File20());
        using (IDataset dataset = DvsCifar10.Open(_folder.Path, Options))
        {
            // cat is class 3, with 11 training samples per class. Recording 3 follows 0, 1, 10, 11, 2.
            var error = Assert.Throws<SpikeformerException>(() => dataset.Read(Split.Train, 3 * 11 + 5, null, new float[Options.Shape.Elements]));
            Assert.Contains("cifar10_cat_3.aedat: the recording has no events", error.Message);
        }
        Directory.CreateDirectory(_folder["extract/zebra"]);
        Refused(ErrorKind.Usage, "zebra is not a class of CIFAR10-DVS", "");
        Directory.Delete(_folder["extract/zebra"]);
        Directory.Delete(_folder["extract/cat"], recursive: true);
        Refused(ErrorKind.Usage, "no folder for class cat", "");

        DvsTrees.Cifar10Dvs(_folder["few"], perClass: 9, Events);
        Refused(ErrorKind.Usage, "90 recordings of CIFAR10-DVS leave none for testing", "few");
        Refused(ErrorKind.NotFound, "gone does not exist", "gone");
    }

    private void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllBytes(_folder[name], bytes);
    }

    private void Refused(ErrorKind kind, string message, string part, FrameOptions? options = null)
    {
        var error = Assert.Throws<SpikeformerException>(() => DvsCifar10.Open(Path.Combine(_folder.Path, part), options ?? Options));
        Assert.Contains(message, error.Message);
        Assert.Equal(kind, error.Kind);
    }

    private static void Check(RecordingDataset dataset, Split split, int index, int seed, int label)
    {
        var events = new EventStream();
        Assert.Equal(default, dataset.ReadRecording(split, index, events));
        Assert.Equal(label, dataset.Label(split, index));
        Assert.Equal(DvsTrees.Events(seed, label, Events),
            Enumerable.Range(0, events.Count).Select(i => new MadeEvent(events.Times[i], events.X[i], events.Y[i], events.Polarities[i])));
    }
}
