using System.Diagnostics;

namespace Spikeformer.Benchmarks;

/// <summary>Times several sides alternately, so that a temporarily slower machine affects all of them.</summary>
internal static class Alternation
{
    /// <summary>The median and the shortest time, in milliseconds.</summary>
    public sealed record Time(double Median, double Least);

    private const double WarmUpMilliseconds = 300;

    /// <summary>Warms up each side until the runtime has fully optimised it, then times the rounds.</summary>
    public static Time[] Run(int rounds, params Action[] sides)
    {
        var times = new List<double>[sides.Length];
        for (int i = 0; i < sides.Length; i++)
        {
            times[i] = [];
            long start = Stopwatch.GetTimestamp();
            do sides[i](); while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < WarmUpMilliseconds);
        }
        for (int round = 0; round < rounds; round++)
            for (int i = 0; i < sides.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                sides[i]();
                times[i].Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        return [.. times.Select(of => { of.Sort(); return new Time(of[of.Count / 2], of[0]); })];
    }
}
