namespace Spikeformer.Diagnostics;

/// <summary>Lets through the first of equal messages, and then one a minute: a stranger who tries for ever must not fill a log. For any thread.</summary>
/// <param name="time">Monotonic clock.</param>
internal sealed class Repetitions(TimeProvider time)
{
    // Whoever makes up ever new keys gets fewer lines, not more memory.
    private const int MaxKeys = 1000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (long Since, long Suppressed)> _keys = [];

    /// <summary>Time between two equal messages.</summary>
    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(1);

    /// <summary>Whether a message is to be written now.</summary>
    /// <param name="key">What makes messages equal.</param>
    /// <param name="suppressed">How many of them were not written since the last one was.</param>
    public bool IsDue(string key, out long suppressed)
    {
        lock (_lock)
        {
            bool isKnown = _keys.TryGetValue(key, out (long Since, long Suppressed) state);
            suppressed = state.Suppressed;
            if (isKnown && time.GetElapsedTime(state.Since) < Interval)
            {
                _keys[key] = state with { Suppressed = state.Suppressed + 1 };
                return false;
            }
            if (!isKnown && _keys.Count == MaxKeys)
            {
                foreach (string old in _keys.Where(pair => time.GetElapsedTime(pair.Value.Since) >= Interval).Select(pair => pair.Key).ToArray()) _keys.Remove(old);
                if (_keys.Count == MaxKeys) return false;
            }
            _keys[key] = (time.GetTimestamp(), 0);
            return true;
        }
    }
}
