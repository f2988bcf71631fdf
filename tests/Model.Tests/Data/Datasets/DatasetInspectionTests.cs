using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Data.Frames;
using Spikeformer.Data.Recordings;
using Spikeformer.Model.Tests.Data.Recordings;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Datasets;

public sealed class DatasetInspectionTests
{
    [Fact]
    public void A_split_is_counted_exactly()
    {
        using var folder = new NmnistFolder();
        folder.Write("Train/8/00003.bin", [30, 31, 0x80, 0, 99, 0, 240, 0, 0, 0, 5, 6, 0, 1, 0, 5, 6, 0, 0, 255]);
        using var dataset = new NmnistDataset(folder.Path, NmnistFolder.Options);
        var train = DatasetInspection.Of(dataset, Split.Train);
        Assert.Equal([2, 2, 2, 2, 2, 2, 2, 2, 3, 2], train.ClassCounts);
        Assert.Equal((21, 3L, 123 / 21.0, 6L, 61L, 62L), (train.Samples, train.MinEvents, train.MeanEvents, train.MaxEvents,
            train.OnEvents, train.OffEvents));
        Assert.Equal(((0, 30), (0, 31), (0L, 8192L + 256)), (train.X, train.Y, train.Microseconds));
        Assert.Equal((1L, 1L, 0L), (train.OverflowWords, train.BackwardSteps, train.LeftOut));
    }

    [Fact]
    public void Frames_give_all_statistics_except_times()
    {
        using var folder = new NmnistFolder();
        using var recordings = new NmnistDataset(folder.Path, NmnistFolder.Options);
        using var cache = new TemporaryFolder();
        using IDataset frames = FrameCache.Wrap(new NmnistDataset(folder.Path, NmnistFolder.Options), new() { Folder = cache.Path });
        SplitInspection expected = DatasetInspection.Of(recordings, Split.Test), actual = DatasetInspection.Of(frames, Split.Test);
        Assert.NotNull(expected.Microseconds);
        Assert.Equal(expected.ClassCounts, actual.ClassCounts);
        Assert.Equal(expected with { Microseconds = null, ClassCounts = actual.ClassCounts }, actual);
    }

    [Fact]
    public void Skipped_words_are_counted()
    {
        using var folder = new TemporaryFolder();
        DvsTrees.Cifar10Dvs(folder.Path, perClass: 10, 5);
        File.WriteAllBytes(folder["extract/bird/cifar10_bird_0.aedat"], Aedat.File20((0x8001, 1), (3, 2), (0x8000, 3)));
        using IDataset dataset = DvsCifar10.Open(folder.Path, new(1, FramesBy.Number, 0, 128, 128, 0));
        SplitInspection train = DatasetInspection.Of(dataset, Split.Train);
        Assert.Equal((2L, 1L), (train.LeftOut, train.MinEvents));
    }
}
