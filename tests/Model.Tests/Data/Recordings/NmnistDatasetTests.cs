using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Data.Events;
using Spikeformer.Data.Recordings;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Recordings;

public sealed class NmnistDatasetTests : IDisposable
{
    private readonly NmnistFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Samples_are_sorted_by_digit_then_file_name()
    {
        _folder.Write("Train/3/00001a.bin", NmnistFolder.Recording(3, 9, 6));
        _folder.Write("Train/3/notes.txt", [1, 2, 3]);
        _folder.Write("Train/3/.hidden.bin", [1]);
        Directory.CreateDirectory(_folder.File("Train/.git"));
        using var dataset = Open();
        Assert.Equal((21, 10), (dataset.Count(Split.Train), dataset.Count(Split.Test)));
        Assert.Equal([0, 0, 1, 1, 2, 2, 3, 3, 3, 4], Enumerable.Range(0, 10).Select(i => dataset.Label(Split.Train, i)));
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], dataset.ClassNames);
        var events = new EventStream();
        int[] samples = [.. Enumerable.Range(6, 3).Select(i =>
        {
            dataset.ReadRecording(Split.Train, i, events);
            return (int)(events.Times[0] >> 8);
        })];
        Assert.Equal([0, 9, 1], samples); // 00001.bin, 00001a.bin, 00002.bin
    }

    [Fact]
    public void Frames_hold_the_recording()
    {
        using var dataset = Open();
        var frames = new float[dataset.Shape.Elements];
        dataset.Read(Split.Test, 7, null, frames);
        var expected = new float[2 * 2 * 34 * 34];
        for (int i = 0; i < 6; i++) expected[((i / 3 * 2 + i % 2) * 34 + i) * 34 + 7] = 1;
        Assert.Equal(expected, frames);
    }

    [Fact]
    public void The_content_hash_depends_on_everything_that_determines_the_samples()
    {
        string first = Open().ContentHash;
        Assert.Equal(64, first.Length);
        Assert.Equal(first, Open().ContentHash);
        Assert.NotEqual(first, Open(NmnistFolder.Options with { Clip = 3 }).ContentHash);
        Assert.NotEqual(first, Open(NmnistFolder.Options with { By = FramesBy.Time }).ContentHash);

        File.Move(_folder.File("Train/3/00002.bin"), _folder.File("Train/3/00003.bin"));
        string renamed = Open().ContentHash;
        Assert.NotEqual(first, renamed);
        File.Move(_folder.File("Train/3/00003.bin"), _folder.File("Train/3/00002.bin"));
        Assert.Equal(first, Open().ContentHash);

        byte[] bytes = File.ReadAllBytes(_folder.File("Test/9/00001.bin"));
        bytes[^1] ^= 1;
        _folder.Write("Test/9/00001.bin", bytes);
        Assert.NotEqual(first, Open().ContentHash);
    }

    [Fact]
    public void A_missing_folder_is_named()
    {
        var error = Assert.Throws<SpikeformerException>(() => new NmnistDataset("/nonexistent/nmnist", NmnistFolder.Options));
        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.Contains("/nonexistent/nmnist", error.Message);
    }

    [Fact]
    public void A_missing_split_is_named()
    {
        Directory.Delete(_folder.File("Test"), recursive: true);
        Refused(ErrorKind.Usage, "has no folder Test");
    }

    [Fact]
    public void An_unknown_class_folder_is_named()
    {
        _folder.Write("Train/10/00001.bin", NmnistFolder.Recording(0, 0, 6));
        Refused(ErrorKind.Usage, "Train/10 is not a class");
    }

    [Fact]
    public void A_missing_class_folder_is_named()
    {
        Directory.Delete(_folder.File("Train/4"), recursive: true);
        Refused(ErrorKind.Usage, "has no folder for class 4");
    }

    [Fact]
    public void A_class_folder_without_recordings_is_named()
    {
        File.Delete(_folder.File("Test/4/00001.bin"));
        Refused(ErrorKind.Usage, "Test/4 holds no .bin recordings");
    }

    [Fact]
    public void Opening_finds_a_truncated_file()
    {
        _folder.Write("Train/5/00002.bin", new byte[7]);
        Refused(ErrorKind.CheckFailed, "Train/5/00002.bin: ends inside an event at byte 5");
    }

    [Fact]
    public void A_file_that_cannot_be_opened_is_named()
    {
        File.Delete(_folder.File("Train/5/00002.bin"));
        File.CreateSymbolicLink(_folder.File("Train/5/00002.bin"), _folder.File("gone"));
        Refused(ErrorKind.NotFound, "Train/5/00002.bin cannot be read");
    }

    [Fact]
    public void Reading_a_file_that_changed_after_opening_fails()
    {
        using var dataset = Open();
        _folder.Write("Train/0/00001.bin", NmnistFolder.Recording(0, 1, 6));
        var error = Assert.Throws<SpikeformerException>(() => dataset.Read(Split.Train, 0, null, new float[dataset.Shape.Elements]));
        Assert.Contains("Train/0/00001.bin: the file has changed", error.Message);
    }

    [Fact]
    public void Real_recordings_read_as_documented()
    {
        using var dataset = new NmnistDataset(TestData.Folder("nmnist"), NmnistFolder.Options);
        var train = DatasetInspection.Of(dataset, Split.Train);
        var test = DatasetInspection.Of(dataset, Split.Test);
        Assert.Equal([97, 116, 99, 93, 105, 92, 94, 117, 87, 100], train.ClassCounts);
        Assert.Equal([8, 14, 8, 11, 14, 7, 10, 15, 2, 11], test.ClassCounts);
        Assert.Equal((1000, 4133, 100, 3856), (train.Samples, (int)Math.Round(train.MeanEvents), test.Samples,
            (int)Math.Round(test.MeanEvents)));
        Assert.Equal((1069, 7152), (Math.Min(train.MinEvents, test.MinEvents), Math.Max(train.MaxEvents, test.MaxEvents)));
        Assert.Equal(((0, 33), (0, 33)), (train.X, train.Y));
        Assert.Equal((0, 0), (train.OverflowWords, train.BackwardSteps));
    }

    private NmnistDataset Open(FrameOptions? options = null) => new(_folder.Path, options ?? NmnistFolder.Options);

    private void Refused(ErrorKind kind, string message)
    {
        var error = Assert.Throws<SpikeformerException>(() => Open());
        Assert.Equal(kind, error.Kind);
        Assert.Contains(message, error.Message);
    }
}
