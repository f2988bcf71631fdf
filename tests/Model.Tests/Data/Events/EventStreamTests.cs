using Spikeformer.Data.Events;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Events;

public sealed class EventStreamTests
{
    private readonly EventStream _events = new();

    [Fact]
    public void Events_come_back_as_they_were_added()
    {
        _events.Clear(new(5, 3));
        for (int i = 0; i < 3000; i++) _events.Add(i, i % 5, i % 3, (byte)(i % 2));
        Assert.Equal(3000, _events.Count);
        for (int i = 0; i < 3000; i++)
            Assert.Equal(((long)i, i % 5, i % 3, i % 2), (_events.Times[i], (int)_events.X[i], (int)_events.Y[i],
                (int)_events.Polarities[i]));
    }

    [Theory]
    [InlineData(5, 0), InlineData(0, 3), InlineData(-1, 0), InlineData(0, -1)]
    public void Add_rejects_a_pixel_outside_the_sensor(int x, int y)
    {
        _events.Clear(new(5, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => _events.Add(0, x, y, 0));
        Assert.Equal(0, _events.Count);
    }

    [Fact]
    public void Sorting_is_stable_and_keeps_fields_together()
    {
        _events.Clear(new(10, 1));
        foreach (var (time, x) in new[] { (7, 0), (3, 1), (7, 2), (3, 3), (5, 4) }) _events.Add(time, x, 0, (byte)(x % 2));
        Assert.Equal(2, _events.BackwardSteps);
        _events.SortByTime();
        Assert.Equal([3L, 3, 5, 7, 7], _events.Times.ToArray());
        Assert.Equal([1, 3, 4, 0, 2], _events.X.ToArray().Select(x => (int)x));
        Assert.Equal([1, 1, 0, 0, 0], _events.Polarities.ToArray().Select(p => (int)p));
        Assert.Equal(0, _events.BackwardSteps);
    }

    [Fact]
    public void Clear_removes_the_previous_recording()
    {
        _events.Clear(new(10, 1));
        _events.Add(9, 0, 0, 1);
        _events.Add(1, 0, 0, 1);
        _events.Clear(new(2, 2));
        _events.Add(0, 1, 1, 1);
        Assert.Equal((1, 0, new SensorSize(2, 2)), (_events.Count, _events.BackwardSteps, _events.Sensor));
    }
}
