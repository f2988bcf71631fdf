using Spikeformer.Data.Events;

namespace Spikeformer.Data.Datasets;

/// <summary>Statistics of the recordings in a split.</summary>
/// <param name="Split">The part of the data set.</param>
/// <param name="Samples">Number of recordings.</param>
/// <param name="ClassCounts">Number of recordings in each class, by label.</param>
/// <param name="MinEvents">Number of events in the shortest recording.</param>
/// <param name="MeanEvents">Mean number of events in a recording.</param>
/// <param name="MaxEvents">Number of events in the longest recording.</param>
/// <param name="OnEvents">Number of ON events in all recordings.</param>
/// <param name="OffEvents">Number of OFF events in all recordings.</param>
/// <param name="X">Lowest and highest column; null without events.</param>
/// <param name="Y">Lowest and highest row; null without events.</param>
/// <param name="Microseconds">Lowest and highest time; null without events or for frames.</param>
/// <param name="OverflowWords">Number of clock-overflow words.</param>
/// <param name="BackwardSteps">Number of events out of order.</param>
/// <param name="LeftOut">Number of skipped words: invalid events, external triggers, and events outside the sensor.</param>
public sealed record SplitInspection(Split Split, int Samples, IReadOnlyList<int> ClassCounts, long MinEvents, double MeanEvents,
    long MaxEvents, long OnEvents, long OffEvents, (int Low, int High)? X, (int Low, int High)? Y, (long Low, long High)? Microseconds,
    long OverflowWords, long BackwardSteps, long LeftOut);

/// <summary>Computes the statistics of an event data set for <c>data inspect</c>.</summary>
public static class DatasetInspection
{
    /// <summary>Reads every sample of a split once.</summary>
    /// <param name="dataset">A data set of recordings or of frames. Frames have no times, and their rows and columns are those of the canvas.</param>
    /// <param name="split">The split to read.</param>
    /// <exception cref="SpikeformerException">A recording is damaged or missing. The message names the file and the byte.</exception>
    public static SplitInspection Of(IDataset dataset, Split split)
    {
        var counts = new Counts(dataset.ClassNames.Count);
        var events = new EventStream();
        float[] frames = dataset is RecordingDataset ? [] : new float[dataset.Shape.Elements];
        for (int index = 0; index < dataset.Count(split); index++)
        {
            counts.Classes[dataset.Label(split, index)]++;
            if (dataset is RecordingDataset recordings) counts.Add(recordings.ReadRecording(split, index, events), events);
            else
            {
                dataset.Read(split, index, null, frames);
                counts.Add(frames, dataset.Shape);
            }
        }
        return counts.Of(split, dataset.Count(split));
    }

    private sealed class Counts(int classes)
    {
        private long _min = long.MaxValue, _max, _total, _on, _overflows, _backwards, _leftOut;
        private (int Low, int High) _x = (int.MaxValue, -1), _y = (int.MaxValue, -1);
        private (long Low, long High) _time = (long.MaxValue, long.MinValue);

        public int[] Classes { get; } = new int[classes];

        public void Add(RecordingNotes notes, EventStream events)
        {
            (_overflows, _backwards) = (_overflows + notes.OverflowWords, _backwards + notes.BackwardSteps);
            _leftOut += notes.OtherWords + notes.OutsideSensor;
            for (int i = 0; i < events.Count; i++)
            {
                Touch(events.X[i], events.Y[i]);
                if (events.Polarities[i] != 0) _on++;
            }
            if (events.Count > 0) _time = (Math.Min(_time.Low, events.Times[0]), Math.Max(_time.High, events.Times[^1]));
            Finish(events.Count);
        }

        public void Add(ReadOnlySpan<float> frames_TCHW, SampleShape shape)
        {
            long sample = 0;
            for (int i = 0; i < frames_TCHW.Length; i++)
            {
                if (frames_TCHW[i] == 0) continue;
                long count = (long)frames_TCHW[i];
                sample += count;
                if (i / (shape.Height * shape.Width) % shape.Channels != 0) _on += count;
                Touch(i % shape.Width, i / shape.Width % shape.Height);
            }
            Finish(sample);
        }

        public SplitInspection Of(Split split, int samples) => new(split, samples, Classes, samples == 0 ? 0 : _min,
            samples == 0 ? 0 : (double)_total / samples, _max, _on, _total - _on, _total == 0 ? null : _x, _total == 0 ? null : _y,
            _time.High < _time.Low ? null : _time, _overflows, _backwards, _leftOut);

        private void Touch(int x, int y)
        {
            _x = (Math.Min(_x.Low, x), Math.Max(_x.High, x));
            _y = (Math.Min(_y.Low, y), Math.Max(_y.High, y));
        }

        private void Finish(long events) => (_min, _max, _total) = (Math.Min(_min, events), Math.Max(_max, events), _total + events);
    }
}
