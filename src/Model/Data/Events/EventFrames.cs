namespace Spikeformer.Data.Events;

/// <summary>Turns events into frames: cuts a recording into T consecutive slices and counts the events of each pixel and polarity, as the authors' data
/// sets do (SpikingJelly 0.0.0.0.10). Counts are not normalised, and are limited only by <see cref="FrameOptions.Clip"/>.</summary>
/// <remarks>The reference raises an index error for a time slice without events, for a recording without events, and when all events have
/// the same time. Here such frames are empty.</remarks>
public static class EventFrames
{
    /// <summary>Counts a recording into frames.</summary>
    /// <param name="events">The recording, in order of time.</param>
    /// <param name="options">How to cut the recording. A sensor smaller than the canvas is centred on it; odd remainders go to the right and
    /// below.</param>
    /// <param name="frames_TCHW">Receives counts in row-major [T,2,H,W] order, channel 0 = OFF, 1 = ON; overwritten completely.</param>
    /// <exception cref="ArgumentException">The buffer does not have the options' shape, the sensor is larger than the canvas, or the events
    /// are not in order of time.</exception>
    public static void Fill(EventStream events, FrameOptions options, Span<float> frames_TCHW)
    {
        var (H, W) = (options.Height, options.Width);
        if (frames_TCHW.Length != options.Shape.Elements)
            throw new ArgumentException($"The buffer holds {frames_TCHW.Length} values; {options.Shape} needs {options.Shape.Elements}.",
                nameof(frames_TCHW));
        if (events.Sensor.Height > H || events.Sensor.Width > W)
            throw new ArgumentException($"The sensor ({events.Sensor}) is larger than the canvas ({H}x{W}).", nameof(events));

        Span<int> bounds = options.TimeSteps < 128 ? stackalloc int[options.TimeSteps + 1] : new int[options.TimeSteps + 1];
        Cut(events, options.By, options.FrameMicroseconds, bounds);

        frames_TCHW.Clear();
        int corner = (H - events.Sensor.Height) / 2 * W + (W - events.Sensor.Width) / 2;
        ReadOnlySpan<ushort> x = events.X, y = events.Y;
        var polarities = events.Polarities;
        for (int frame = 0; frame < options.TimeSteps; frame++)
        {
            var off = frames_TCHW.Slice(2 * frame * H * W, H * W);
            var on = frames_TCHW.Slice((2 * frame + 1) * H * W, H * W);
            for (int i = bounds[frame]; i < bounds[frame + 1]; i++)
                (polarities[i] == 0 ? off : on)[corner + y[i] * W + x[i]]++;
        }
        options.LimitCounts(frames_TCHW);
    }

    /// <summary>Finds the slices: frame i covers events bounds[i] to bounds[i+1]-1.</summary>
    /// <param name="events">The recording, in order of time.</param>
    /// <param name="by">Number: floor(N/T) events per frame; the last frame takes the rest. Time: floor((last - first)/T) microseconds per
    /// frame; the last frame takes the rest. Duration: a frame starts at its first event and takes all events up to and including
    /// <paramref name="frameMicroseconds"/> later. Frames beyond T are dropped, missing frames are empty.</param>
    /// <param name="frameMicroseconds">Length of a frame in microseconds, for Duration only.</param>
    /// <param name="bounds">Receives T+1 event indices; its length determines T.</param>
    /// <exception cref="ArgumentException">The events are not in order of time.</exception>
    public static void Cut(EventStream events, FramesBy by, long frameMicroseconds, Span<int> bounds)
    {
        if (events.BackwardSteps > 0) throw new ArgumentException("The events are not in order of time. Sort them first.", nameof(events));
        switch (by)
        {
            case FramesBy.Number: ByNumber(events.Count, bounds); break;
            case FramesBy.Time: ByTime(events.Times, bounds); break;
            case FramesBy.Duration: ByDuration(events.Times, frameMicroseconds, bounds); break;
            default: throw new ArgumentOutOfRangeException(nameof(by), by, "Unknown way of cutting.");
        }
    }

    private static void ByNumber(int count, Span<int> bounds)
    {
        int T = bounds.Length - 1, each = count / T;
        for (int i = 0; i < T; i++) bounds[i] = i * each;
        bounds[T] = count;
    }

    private static void ByTime(ReadOnlySpan<long> times, Span<int> bounds)
    {
        int T = bounds.Length - 1, next = 0;
        long first = times.IsEmpty ? 0 : times[0], each = times.IsEmpty ? 0 : (times[^1] - first) / T;
        for (int i = 0; i < T; i++)
        {
            while (next < times.Length && times[next] < first + i * each) next++;
            bounds[i] = next;
        }
        bounds[T] = times.Length;
    }

    private static void ByDuration(ReadOnlySpan<long> times, long frameMicroseconds, Span<int> bounds)
    {
        int next = 0;
        bounds[0] = 0;
        for (int i = 1; i < bounds.Length; i++)
        {
            int start = next;
            while (next < times.Length && times[next] - times[start] <= frameMicroseconds) next++;
            bounds[i] = next;
        }
    }
}
