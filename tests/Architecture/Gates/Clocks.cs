using System.Diagnostics;

namespace Spikeformer.Gates;

/// <summary>Time and chance from places where no test can set them.</summary>
public static class Clocks
{
    /// <summary>One line for each banned symbol.</summary>
    public static async Task<object[]> AllAsync(CancellationToken cancellation)
    {
        await Task.Delay(1); // RS0030
        await Task.Delay(1, cancellation); // RS0030
        await Task.Delay(TimeSpan.Zero); // RS0030
        await Task.Delay(TimeSpan.Zero, cancellation); // RS0030
        return
        [
            Environment.TickCount, // RS0030
            Environment.TickCount64, // RS0030
            Stopwatch.GetTimestamp(), // RS0030
            DateTime.Now, // RS0030
            DateTime.UtcNow, // RS0030
            DateTime.Today, // RS0030
            DateTimeOffset.Now, // RS0030
            DateTimeOffset.UtcNow, // RS0030
            Random.Shared, // RS0030
        ];
    }

    /// <summary>The way that is open.</summary>
    public static async Task<TimeSpan> MeasureAsync(TimeProvider time, CancellationToken cancellation)
    {
        long began = time.GetTimestamp();
        await Task.Delay(TimeSpan.Zero, time, cancellation);
        return time.GetElapsedTime(began);
    }
}
