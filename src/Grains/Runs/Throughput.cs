namespace Spikeformer.Runs;

/// <summary>Measures samples per second over the last ten seconds.</summary>
/// <param name="time">Monotonic clock.</param>
public sealed class Throughput(TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private readonly Queue<(long At, long Samples)> _counts = [];

    /// <summary>Counts samples that were trained just now.</summary>
    public void Count(long samples)
    {
        _counts.Enqueue((time.GetTimestamp(), samples));
        Forget();
    }

    /// <summary>The mean over the window; 0 with fewer than two counts in it.</summary>
    public double SamplesPerSecond
    {
        get
        {
            Forget();
            if (_counts.Count < 2) return 0;
            // The first count opens the interval; its own samples were trained before it.
            double seconds = time.GetElapsedTime(_counts.Peek().At).TotalSeconds;
            return seconds > 0 ? _counts.Skip(1).Sum(count => count.Samples) / seconds : 0;
        }
    }

    private void Forget()
    {
        while (_counts.TryPeek(out var oldest) && time.GetElapsedTime(oldest.At) > Window) _counts.Dequeue();
    }
}
