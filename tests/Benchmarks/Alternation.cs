using System.Diagnostics;

namespace Spikeformer.Benchmarks;

/// <summary>Times several sides in turn, so that a temporary slowdown of the machine affects all of them.</summary>
internal static class Alternation
{
    /// <summary>Median and shortest time in milliseconds.</summary>
    public sealed record Time(double Median, double Least);

    private const double WarmUpMilliseconds = 300;

    /// <summary>Warms up each side until the runtime has compiled it fully, then times the rounds.</summary>
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
