using Spikeformer.Data.Events;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Events;

public sealed class EventFramesTests
{
    [Fact]
    public void Frames_by_time_without_events_are_empty_where_the_reference_fails()
    {
        // The reference's own example of a failure: t = 0..8 and 1000, four frames.
        Assert.Equal([0, 9, 9, 9, 10], Cut(FramesBy.Time, 4, [0, 1, 2, 3, 4, 5, 6, 7, 8, 1000]));
        Assert.Equal([0, 0, 0, 0], Cut(FramesBy.Time, 3, []));
        Assert.Equal([0, 0, 0, 5], Cut(FramesBy.Time, 3, [7, 7, 7, 7, 7]));
        Assert.Equal([0, 0, 0, 0, 2], Cut(FramesBy.Time, 4, [10, 12]));
    }

    [Fact]
    public void Frames_by_time_match_a_simple_implementation()
    {
        long[] times = [3, 5, 12, 13, 13, 20, 22, 29, 34, 47, 54];
        int[] bounds = Cut(FramesBy.Time, 4, times);
        long each = (54 - 3) / 4;
        for (int i = 0; i < times.Length; i++)
        {
            int frame = (int)Math.Min((times[i] - 3) / each, 3);
            Assert.InRange(i, bounds[frame], bounds[frame + 1] - 1);
        }
    }

    [Theory]
    [InlineData(3, new[] { 0, 3, 5, 7 })]
    [InlineData(2, new[] { 0, 3, 5 })]
    [InlineData(5, new[] { 0, 3, 5, 7, 7, 7 })]
    public void Frames_by_duration_include_their_last_microsecond_and_are_truncated_or_padded_to_T(int T, int[] expected) =>
        Assert.Equal(expected, Cut(FramesBy.Duration, T, [0, 4, 10, 11, 21, 22, 30], 10));

    [Theory]
    [InlineData(2, new[] { 0, 2, 5 }), InlineData(6, new[] { 0, 0, 0, 0, 0, 0, 5 })]
    public void Frames_by_number_give_the_rest_to_the_last_frame(int T, int[] expected) =>
        Assert.Equal(expected, Cut(FramesBy.Number, T, [1, 2, 3, 4, 5]));

    [Fact]
    public void A_smaller_sensor_is_centred_on_the_canvas()
    {
        var events = Events(new(3, 2), (0, 0, 0, 0), (1, 2, 1, 7));
        var frames = Frames(events, new(1, FramesBy.Number, 0, Height: 5, Width: 6, Clip: 0));
        var expected = new float[2 * 5 * 6];
        expected[1 * 6 + 1] = 1;              // OFF at row 0 + (5-2)/2, column 0 + (6-3)/2
        expected[5 * 6 + 2 * 6 + 3] = 1;      // ON, any polarity but 0
        Assert.Equal(expected, frames);
    }

    [Fact]
    public void Counts_add_up_and_are_limited_only_by_Clip()
    {
        var events = Events(new(1, 1), [.. Enumerable.Range(0, 9).Select(t => ((long)t, 0, 0, (byte)(t < 2 ? 0 : 1)))]);
        Assert.Equal([2, 7], Frames(events, new(1, FramesBy.Number, 0, 1, 1, Clip: 0)));
        Assert.Equal([2, 3], Frames(events, new(1, FramesBy.Number, 0, 1, 1, Clip: 3)));
    }

    [Fact]
    public void Wrong_sizes_and_unsorted_events_are_rejected()
    {
        var events = Events(new(3, 2), (0, 0, 0, 0));
        Assert.Throws<ArgumentException>(() => EventFrames.Fill(events, new(1, FramesBy.Number, 0, 2, 3, 0), new float[11]));
        Assert.Throws<ArgumentException>(() => EventFrames.Fill(events, new(1, FramesBy.Number, 0, 1, 6, 0), new float[12]));
        Assert.Throws<ArgumentException>(() => EventFrames.Fill(events, new(1, FramesBy.Number, 0, 6, 2, 0), new float[24]));
        var unsorted = Events(new(3, 2), (5, 0, 0, 0), (4, 0, 0, 0));
        Assert.Throws<ArgumentException>(() => EventFrames.Fill(unsorted, new(1, FramesBy.Number, 0, 2, 3, 0), new float[12]));
    }

    private static int[] Cut(FramesBy by, int T, long[] times, long duration = 0)
    {
        var bounds = new int[T + 1];
        Array.Fill(bounds, -1);
        EventFrames.Cut(Events(new(1, 1), [.. times.Select(t => (t, 0, 0, (byte)1))]), by, duration, bounds);
        return bounds;
    }

    private static EventStream Events(SensorSize sensor, params (long T, int X, int Y, byte P)[] all)
    {
        var events = new EventStream();
        events.Clear(sensor);
        foreach (var (t, x, y, p) in all) events.Add(t, x, y, p);
        return events;
    }

    private static float[] Frames(EventStream events, FrameOptions options)
    {
        var frames = new float[options.Shape.Elements];
        Array.Fill(frames, float.NaN);
        EventFrames.Fill(events, options, frames);
        return frames;
    }
}
