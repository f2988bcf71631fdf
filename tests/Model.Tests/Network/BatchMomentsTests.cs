using Spikeformer.Network;
using Xunit;

namespace Spikeformer.Model.Tests.Network;

public sealed class BatchMomentsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 5)]
    [InlineData(40, 2)]
    public void Merged_moments_are_those_of_the_union(int left, int right)
    {
        double[] values = [.. Enumerable.Range(0, left + right).Select(i => Math.Sin(3 * i) * (i % 7) - 1)];
        BatchMoments merged = BatchMoments.Merge(Of(values[..left]), Of(values[left..])), whole = Of(values);
        Assert.Equal(whole.Count, merged.Count);
        Assert.Equal(whole.Mean[0], merged.Mean[0], 1e-13);
        Assert.Equal(whole.SquaredDeviations[0], merged.SquaredDeviations[0], 1e-11);
    }

    [Fact]
    public void A_batch_without_values_changes_no_bit_of_the_other()
    {
        BatchMoments some = Of([0.1, 0.7, -3]), none = new(0, [double.NaN], [double.NaN]);
        Assert.Same(some, BatchMoments.Merge(some, none));
        Assert.Same(some, BatchMoments.Merge(none, some));
    }

    private static BatchMoments Of(double[] values)
    {
        double mean = values.Average();
        return new(values.Length, [mean], [values.Sum(value => (value - mean) * (value - mean))]);
    }
}
