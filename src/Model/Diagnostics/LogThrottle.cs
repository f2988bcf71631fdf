namespace Spikeformer.Diagnostics;

/// <summary>Limits repeated log messages: the first of a kind is due at once, then one per minute. A stranger who keeps trying must not fill a
/// log. Thread-safe.</summary>
/// <param name="time">Source of monotonic time.</param>
internal sealed class LogThrottle(TimeProvider time)
{
    // A flood of new keys costs messages, not memory.
    private const int MaxKeys = 1000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (long Since, long Suppressed)> _keys = [];

    /// <summary>Minimum time between two messages with the same key.</summary>
    public static TimeSpan Interval { get; } = TimeSpan.FromMinutes(1);

    /// <summary>Whether to write a message now.</summary>
    /// <param name="key">The kind of message. Messages with the same key count as repetitions.</param>
    /// <param name="suppressed">Number of messages with this key suppressed since the last one was written.</param>
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
