namespace Spikeformer.Runs;

/// <summary>
/// Delays new generations while one after the other ends without a step, for example because the coordinator reaches a member that its peers do not
/// reach. The first few follow at once, as recoveries should; later ones follow at growing intervals.
/// </summary>
/// <param name="time">Monotonic clock.</param>
public sealed class GenerationPace(TimeProvider time)
{
    private const int Free = 5;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(10);

    private int _fruitless;
    private long _planned;

    /// <summary>Notes that a generation was planned.</summary>
    public void Planned() => (_fruitless, _planned) = (_fruitless + 1, time.GetTimestamp());

    /// <summary>Notes that a step was committed: the current generation works.</summary>
    public void Committed() => _fruitless = 0;

    /// <summary>Whether another generation may be planned now.</summary>
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
