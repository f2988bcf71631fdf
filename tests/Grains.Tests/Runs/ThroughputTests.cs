using Microsoft.Extensions.Time.Testing;
using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class ThroughputTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void One_count_tells_nothing_and_the_first_only_opens_the_interval()
    {
        var throughput = new Throughput(_time);
        Assert.Equal(0, throughput.SamplesPerSecond);
        throughput.Count(1000);
        Assert.Equal(0, throughput.SamplesPerSecond);
        _time.Advance(TimeSpan.FromSeconds(2));
        throughput.Count(64);
        Assert.Equal(32, throughput.SamplesPerSecond);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(16, throughput.SamplesPerSecond);
    }

    [Fact]
    public void What_is_older_than_ten_seconds_is_forgotten()
    {
        var throughput = new Throughput(_time);
        for (int second = 0; second <= 20; second++, _time.Advance(TimeSpan.FromSeconds(1))) throughput.Count(second < 10 ? 999 : 5);
        Assert.Equal(4.5, throughput.SamplesPerSecond);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0, throughput.SamplesPerSecond);
    }

    [Fact]
    public void Counts_of_one_instant_are_no_rate()
    {
        var throughput = new Throughput(_time);
        throughput.Count(1);
        throughput.Count(1);
        Assert.Equal(0, throughput.SamplesPerSecond);
    }
}
