using Spikeformer.Data.Events;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>Compares slices and frames with SpikingJelly 0.0.0.0.10, for every case of events_to_frames. They are equal.</summary>
public sealed class EventsToFramesGoldenTests
{
    private static readonly GoldenFile Golden = GoldenFile.Load("events_to_frames");
    private static readonly SensorSize Sensor = new(int.Parse(Golden.Metadata["W"]), int.Parse(Golden.Metadata["H"]));

    public static TheoryData<string> Cases(string kind) =>
        [.. Golden.Tensors.Keys.Where(key => key.EndsWith($"/{kind}/frames")).Select(key => key.Split('/')[0]).Order()];

    [Fact]
    public void The_file_has_all_its_cases()
    {
        Assert.Equal(9, Cases("number").Count);
        Assert.Equal(5, Cases("time").Count);
    }

    [Theory, MemberData(nameof(Cases), "number")]
    public void Frames_by_number_equal_the_reference(string name) => Check(name, "number", FramesBy.Number);

    [Theory, MemberData(nameof(Cases), "time")]
    public void Frames_by_time_equal_the_reference(string name) => Check(name, "time", FramesBy.Time);

    [Fact]
    public void Frames_by_duration_equal_the_reference()
    {
        var expected = Golden["duration_300/frames"];
        long duration = Golden["duration_300/in/duration"].AsInt64()[0];
        Assert.Equal(expected.AsSingle(), Frames(Events("duration_300"), (int)expected.Shape[0], FramesBy.Duration, duration));
    }

    private static void Check(string name, string kind, FramesBy by)
    {
        int T = (int)Golden[$"{name}/in/M"].AsInt64()[0];
        var events = Events(name);
        var bounds = new int[T + 1];
        EventFrames.Cut(events, by, 0, bounds);
        Assert.Equal(Golden[$"{name}/{kind}/j_l"].AsInt64(), bounds[..T].Select(bound => (long)bound));
        Assert.Equal(Golden[$"{name}/{kind}/j_r"].AsInt64(), bounds[1..].Select(bound => (long)bound));

        var expected = Golden[$"{name}/{kind}/frames"];
        Assert.Equal([T, 2, Sensor.Height, Sensor.Width], expected.Shape);
        Assert.Equal(expected.AsSingle(), Frames(events, T, by, 0));
    }

    private static float[] Frames(EventStream events, int T, FramesBy by, long duration)
    {
        var options = new FrameOptions(T, by, duration, Sensor.Height, Sensor.Width, Clip: 0);
        var frames = new float[options.Shape.Elements];
        Array.Fill(frames, float.NaN);
        EventFrames.Fill(events, options, frames);
        return frames;
    }

    private static EventStream Events(string name)
    {
        long[] t = Golden[$"{name}/in/t"].AsInt64(), x = Golden[$"{name}/in/x"].AsInt64();
        long[] y = Golden[$"{name}/in/y"].AsInt64(), p = Golden[$"{name}/in/p"].AsInt64();
        var events = new EventStream();
        events.Clear(Sensor);
        for (int i = 0; i < t.Length; i++) events.Add(t[i], (int)x[i], (int)y[i], (byte)p[i]);
        return events;
    }
}
