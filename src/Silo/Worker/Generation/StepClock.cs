using System.Globalization;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>What a step's time goes to.</summary>
internal enum StepPart
{
    /// <summary>Everything else: what the system itself costs.</summary>
    Rest,
    /// <summary>Waits for the batch to be read.</summary>
    Load,
    /// <summary>Forward and backward, with the exchanges of coupled BatchNorm.</summary>
    Compute,
    /// <summary>Sends, receives and adds gradients, and waits for peers.</summary>
    Reduce,
    /// <summary>Updates the weights.</summary>
    Apply,
    /// <summary>Evaluates and saves.</summary>
    Boundary,
}

/// <summary>Adds up where the time of a generation's steps goes. For one thread.</summary>
/// <param name="time">Monotonic clock.</param>
internal sealed class StepClock(TimeProvider time)
{
    private readonly long[] _ticks = new long[Enum.GetValues<StepPart>().Length];
    private long _last = time.GetTimestamp();

    /// <summary>Steps that were counted.</summary>
    public long Steps { get; private set; }

    /// <summary>Seconds that a part has taken.</summary>
    public double Seconds(StepPart part) => time.GetElapsedTime(0, _ticks[(int)part]).TotalSeconds;

    /// <summary>A part ends now: the time since the last mark was its.</summary>
    public void Ends(StepPart part)
    {
        long now = time.GetTimestamp();
        _ticks[(int)part] += now - _last;
        _last = now;
        if (part is StepPart.Apply) Steps++;
    }

    /// <summary>"790 steps in 52.1 s: compute 88.0 %, reduce 9.1 %, ...".</summary>
    public override string ToString()
    {
        double total = Enum.GetValues<StepPart>().Sum(Seconds);
        IEnumerable<string> parts = from part in Enum.GetValues<StepPart>()
                                    orderby Seconds(part) descending
                                    select string.Create(CultureInfo.InvariantCulture, $"{part.ToString().ToLowerInvariant()} {100 * Seconds(part) / Math.Max(total, 1e-9):0.00} %");
        return string.Create(CultureInfo.InvariantCulture, $"{Steps} steps in {total:0.0} s: {string.Join(", ", parts)}");
    }
}
