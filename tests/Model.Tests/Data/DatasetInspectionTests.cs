using Spikeformer.Data;
using Xunit;

namespace Spikeformer.Model.Tests.Data;

public sealed class DatasetInspectionTests
{
    [Fact]
    public void A_split_is_counted_as_it_is()
    {
        using var folder = new NmnistFolder();
        folder.Write("Train/8/00003.bin", [30, 31, 0x80, 0, 99, 0, 240, 0, 0, 0, 5, 6, 0, 1, 0, 5, 6, 0, 0, 255]);
        using var dataset = new NmnistDataset(folder.Path, NmnistFolder.Options);
        var train = DatasetInspection.Of(dataset, Split.Train);
        Assert.Equal([2, 2, 2, 2, 2, 2, 2, 2, 3, 2], train.ClassCounts);
        Assert.Equal((21, 3L, 123 / 21.0, 6L, 61L, 62L), (train.Samples, train.MinEvents, train.MeanEvents, train.MaxEvents,
            train.OnEvents, train.OffEvents));
        Assert.Equal(((0, 30), (0, 31), (0L, 8192L + 256)), (train.X, train.Y, train.Microseconds));
        Assert.Equal((1L, 1L), (train.OverflowWords, train.BackwardSteps));
    }
}
