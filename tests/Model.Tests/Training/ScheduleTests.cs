using Spikeformer.Recipes;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Training;

public sealed class ScheduleTests
{
    private static double[] Rates(int epochs, params ScheduleSegment[] segments)
    {
        var schedule = new Schedule(segments, epochs);
        return [.. Enumerable.Range(0, epochs).Select(schedule.LearningRate)];
    }

    private static ScheduleSegment Segment(ScheduleKind kind, int from = 0, double rate = 1, int warmup = 0, int? until = null, int? every = null,
        double? factor = null, bool reset = false) => new()
        {
            From = from, Base = rate, Kind = kind, Warmup = warmup, Until = until, Every = every, Factor = factor, ResetMomentum = reset,
        };

    private static void Near(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-15);
    }

    [Fact]
    public void WarmUp_RisesLinearlyAndReachesTheBaseRightAfter() =>
        Near([0.25, 0.5, 0.75, 1, 1], Rates(5, Segment(ScheduleKind.Constant, warmup: 3)));

    [Fact]
    public void Step_AfterWarmUp_DropsAtRegularIntervals() =>
        Near([0.5, 1, 1, 0.5, 0.5, 0.25], Rates(6, Segment(ScheduleKind.Step, warmup: 1, every: 2, factor: 0.5)));

    [Fact]
    public void Cosine_FallsFromTheBaseTowardsZero() =>
        Near([1, 0.5 + Math.Sqrt(0.125), 0.5, 0.5 - Math.Sqrt(0.125)], Rates(4, Segment(ScheduleKind.Cosine)));

    [Fact]
    public void Cosine_UntilBeforeTheEnd_StaysAtZero() =>
        Near([1, 0.5, 0, 0], Rates(4, Segment(ScheduleKind.Cosine, until: 2)));

    [Fact]
    public void Cosine_ManyEpochs_AgreesWithTheLibraryCosine()
    {
        double[] rates = Rates(1000, Segment(ScheduleKind.Cosine));
        for (int e = 0; e < 1000; e++) Assert.Equal(0.5 * (1 + Math.Cos(Math.PI * e / 1000)), rates[e], 1e-15);
    }

    [Fact]
    public void Linear_FallsInAStraightLine() => Near([1, 0.75, 0.5, 0.25], Rates(4, Segment(ScheduleKind.Linear)));

    [Fact]
    public void ReferenceDvs_LagsOneEpochAndDrops() =>
        Near([0, 0, 0.5, 1, 1, 0.1, 0.1], Rates(7, Segment(ScheduleKind.ReferenceDvs, warmup: 2, every: 2, factor: 0.1)));

    [Theory]
    [InlineData(ScheduleKind.ReferenceDvs)]
    [InlineData(ScheduleKind.ReferenceImagenet)]
    [InlineData(ScheduleKind.Cosine)]
    public void NoWarmUp_StartsAtTheBase(ScheduleKind kind) => Assert.Equal(1.0, Rates(3, Segment(kind, until: null))[0]);

    [Fact]
    public void LaterSegment_TakesOverAtItsFirstEpochAndCountsFromThere()
    {
        ScheduleSegment[] segments =
            [Segment(ScheduleKind.Constant), Segment(ScheduleKind.Linear, from: 2, rate: 8, until: 6, reset: true), Segment(ScheduleKind.Constant, from: 4, rate: 3)];
        Near([1, 1, 8, 6, 3, 3], Rates(6, segments));
        var schedule = new Schedule(segments, 6);
        Assert.Equal([0, 2, 4], schedule.Starts);
        Assert.Equal([false, false, true, false, false, false], Enumerable.Range(0, 6).Select(schedule.ResetsMomentum));
    }

    [Fact]
    public void LearningRate_NegativeEpoch_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Schedule([Segment(ScheduleKind.Constant)], 1).LearningRate(-1));
}
