namespace Spikeformer.Runs;

/// <summary>
/// Holds generations back that come to nothing one after the other, as when a member can be reached by the coordinator and not by its peers: the
/// first few follow at once, as recoveries should, and later ones at growing intervals.
/// </summary>
/// <param name="time">Monotonic clock.</param>
public sealed class GenerationPace(TimeProvider time)
{
    private const int Free = 5;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(10);

    private int _fruitless;
    private long _planned;

    /// <summary>A generation was planned.</summary>
    public void Planned() => (_fruitless, _planned) = (_fruitless + 1, time.GetTimestamp());

    /// <summary>A step was committed: the present generation works.</summary>
    public void Committed() => _fruitless = 0;

    /// <summary>Whether another generation may be planned by now.</summary>
    public bool IsDue => _fruitless <= Free || time.GetElapsedTime(_planned) >= Pause;

    private TimeSpan Pause
    {
        get
        {
            TimeSpan pause = FirstPause * Math.Pow(2, Math.Min(_fruitless - Free - 1, 16));
            return pause < LongestPause ? pause : LongestPause;
        }
    }
}
