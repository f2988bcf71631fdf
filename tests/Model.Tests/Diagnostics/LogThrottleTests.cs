using Microsoft.Extensions.Time.Testing;
using Spikeformer.Diagnostics;
using Xunit;

namespace Spikeformer.Model.Tests.Diagnostics;

public sealed class LogThrottleTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly LogThrottle _throttle;

    public LogThrottleTests() => _throttle = new(_time);

    [Fact]
    public void IsDue_RepeatedKey_AllowsOneMessagePerMinuteAndCountsTheRest()
    {
        Assert.Equal((true, 0), Ask("a"));
        Assert.Equal((false, 0), Ask("a"));
        Assert.Equal((true, 0), Ask("b"));
        _time.Advance(LogThrottle.Interval - TimeSpan.FromMilliseconds(1));
        Assert.False(Ask("a").IsDue);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal((true, 2), Ask("a"));
        Assert.False(Ask("a").IsDue);
    }

    [Fact]
    public void IsDue_TooManyKeys_SuppressesNewKeys()
    {
        int due = Enumerable.Range(0, 5000).Count(i => Ask($"{i}").IsDue);
        Assert.Equal(1000, due);
        _time.Advance(LogThrottle.Interval);
        Assert.Equal((true, 0), Ask("new"));
    }

    private (bool IsDue, long Suppressed) Ask(string key) => (_throttle.IsDue(key, out long suppressed), suppressed);
}
