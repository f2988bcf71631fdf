using Microsoft.Extensions.Time.Testing;
using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class GenerationPaceTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Generations_that_come_to_nothing_follow_at_growing_intervals_until_one_commits()
    {
        var pace = new GenerationPace(_time);
        for (int i = 0; i < 5; i++)
        {
            Assert.True(pace.IsDue);
            pace.Planned();
        }
        Assert.True(pace.IsDue);
        foreach (int milliseconds in (int[])[200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
        {
            pace.Planned();
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds - 1));
            Assert.False(pace.IsDue);
            _time.Advance(TimeSpan.FromMilliseconds(1));
            Assert.True(pace.IsDue);
        }
        pace.Planned();
        pace.Committed();
        Assert.True(pace.IsDue);
    }
}
