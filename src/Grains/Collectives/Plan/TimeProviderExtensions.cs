namespace Spikeformer.Collectives.Plan;

/// <summary>How the data plane reads its clock.</summary>
internal static class TimeProviderExtensions
{
    /// <summary>Milliseconds since a fixed moment. They never run backwards, whatever happens to the system time.</summary>
    public static long Milliseconds(this TimeProvider time) => (long)time.GetElapsedTime(0).TotalMilliseconds;
}
