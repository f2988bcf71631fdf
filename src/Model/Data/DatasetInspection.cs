namespace Spikeformer.Data;

/// <summary>What a split's recordings hold.</summary>
/// <param name="Split">The part of the data set.</param>
/// <param name="Samples">Number of recordings.</param>
/// <param name="ClassCounts">Recordings of each class, by label.</param>
/// <param name="MinEvents">Events of the shortest recording.</param>
/// <param name="MeanEvents">Mean events of a recording.</param>
/// <param name="MaxEvents">Events of the longest recording.</param>
/// <param name="OnEvents">ON events of all recordings.</param>
/// <param name="OffEvents">OFF events of all recordings.</param>
/// <param name="X">Lowest and highest column met; null without events.</param>
/// <param name="Y">Lowest and highest row met; null without events.</param>
/// <param name="Microseconds">Lowest and highest time met; null without events.</param>
/// <param name="OverflowWords">Clock-overflow words met.</param>
/// <param name="BackwardSteps">Events out of order met.</param>
public sealed record SplitInspection(Split Split, int Samples, IReadOnlyList<int> ClassCounts, long MinEvents, double MeanEvents,
    long MaxEvents, long OnEvents, long OffEvents, (int Low, int High)? X, (int Low, int High)? Y, (long Low, long High)? Microseconds,
    long OverflowWords, long BackwardSteps);

/// <summary>Looks through the recordings of a data set, as <c>data inspect</c> shows them.</summary>
public static class DatasetInspection
{
    /// <summary>Reads every recording of a split once.</summary>
    /// <param name="dataset">The recordings.</param>
    /// <param name="split">The part to look through.</param>
    /// <exception cref="SpikeformerException">A recording is damaged or missing; names the file and the byte.</exception>
    public static SplitInspection Of(RecordingDataset dataset, Split split)
    {
        var events = new EventStream();
        int samples = dataset.Count(split);
        var classCounts = new int[dataset.ClassNames.Count];
        long min = long.MaxValue, max = 0, total = 0, on = 0, overflows = 0, backwards = 0;
        (int Low, int High) x = (int.MaxValue, -1), y = (int.MaxValue, -1);
        (long Low, long High) time = (long.MaxValue, long.MinValue);
        for (int index = 0; index < samples; index++)
        {
            var notes = dataset.ReadRecording(split, index, events);
            classCounts[dataset.Label(split, index)]++;
            (min, max, total) = (Math.Min(min, events.Count), Math.Max(max, events.Count), total + events.Count);
            (overflows, backwards) = (overflows + notes.OverflowWords, backwards + notes.BackwardSteps);
            for (int i = 0; i < events.Count; i++)
            {
                x = (Math.Min(x.Low, events.X[i]), Math.Max(x.High, events.X[i]));
                y = (Math.Min(y.Low, events.Y[i]), Math.Max(y.High, events.Y[i]));
                if (events.Polarities[i] != 0) on++;
            }
            if (events.Count > 0) time = (Math.Min(time.Low, events.Times[0]), Math.Max(time.High, events.Times[^1]));
        }
        return new(split, samples, classCounts, samples == 0 ? 0 : min, samples == 0 ? 0 : (double)total / samples, max, on, total - on,
            total == 0 ? null : x, total == 0 ? null : y, total == 0 ? null : time, overflows, backwards);
    }
}
