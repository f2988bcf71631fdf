using Spikeformer.Data.Recordings;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Recordings;

public sealed class PerClassSplitTests
{
    [Theory]
    [InlineData(1, 1), InlineData(9, 9), InlineData(10, 9), InlineData(11, 10), InlineData(100, 90), InlineData(1000, 900)]
    public void Nine_tenths_of_a_class_rounded_up_are_for_training(int samples, int train)
    {
        (int[] first, int[] rest) = PerClassSplit.Of(new int[samples], 1);
        Assert.Equal(Enumerable.Range(0, train), first);
        Assert.Equal(Enumerable.Range(train, samples - train), rest);
    }

    [Fact]
    public void Samples_are_grouped_by_class_and_classes_may_be_empty()
    {
        (int[] train, int[] test) = PerClassSplit.Of([2, 0, 2, 0], 3);
        Assert.Equal([1, 3, 0, 2], train);
        Assert.Empty(test);
    }
}
