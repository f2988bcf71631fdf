using Microsoft.Extensions.Time.Testing;
using Spikeformer.Diagnostics;
using Xunit;

namespace Spikeformer.Model.Tests.Diagnostics;

public sealed class RepetitionsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Repetitions _told;

    public RepetitionsTests() => _told = new(_time);

    [Fact]
    public void The_first_is_due_and_then_one_a_minute_which_counts_those_between()
    {
        Assert.Equal((true, 0), Ask("a"));
        Assert.Equal((false, 0), Ask("a"));
        Assert.Equal((true, 0), Ask("b"));
        _time.Advance(Repetitions.Interval - TimeSpan.FromMilliseconds(1));
        Assert.False(Ask("a").IsDue);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal((true, 2), Ask("a"));
        Assert.False(Ask("a").IsDue);
    }

    [Fact]
    public void New_keys_without_end_are_not_told_and_not_remembered()
    {
        int due = Enumerable.Range(0, 5000).Count(i => Ask($"{i}").IsDue);
        Assert.Equal(1000, due);
        _time.Advance(Repetitions.Interval);
        Assert.Equal((true, 0), Ask("new"));
    }

    private (bool IsDue, long Suppressed) Ask(string key) => (_told.IsDue(key, out long suppressed), suppressed);
}
