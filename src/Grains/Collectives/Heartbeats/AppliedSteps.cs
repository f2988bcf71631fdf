namespace Spikeformer.Collectives.Heartbeats;

/// <summary>The last steps that each rank has applied, with their digests. Members are at most one step apart, so few steps are kept.</summary>
internal sealed class AppliedSteps(int worldSize, TimeProvider time)
{
    private const int Kept = 4;

    private readonly (long Step, ulong Digest)[,] _entries = new (long, ulong)[worldSize, Kept];
    private readonly long[] _last = [.. Enumerable.Repeat(-1L, worldSize)];
    private readonly object _lock = new();

    /// <summary>Records that a rank has applied a step.</summary>
    /// <returns>Whether the step is new for the rank.</returns>
    public bool Add(int rank, long step, ulong digest)
    {
        lock (_lock)
        {
            if (step <= _last[rank]) return false;
            _last[rank] = step;
            _entries[rank, step % Kept] = (step, digest);
            Monitor.PulseAll(_lock);
            return true;
        }
    }

    /// <summary>Returns the last step that a rank has applied, or -1.</summary>
    public long Last(int rank)
    {
        lock (_lock) return _last[rank];
    }

    /// <summary>Waits until every rank has applied a step, a rank that has not can no longer say so, or the time has passed.</summary>
    /// <returns>Ranks that have not applied the step, ascending.</returns>
    public int[] AwaitAll(long step, TimeSpan limit, Predicate<int> hasEnded)
    {
        long end = time.Milliseconds() + (long)limit.TotalMilliseconds;
        lock (_lock)
            while (true)
            {
                int[] missing = [.. Enumerable.Range(0, worldSize).Where(rank => _last[rank] < step)];
                long left = end - time.Milliseconds();
                if (missing.Length == 0 || left <= 0 || Array.Exists(missing, hasEnded)) return missing;
                Monitor.Wait(_lock, TimeSpan.FromMilliseconds(left));
            }
    }

    /// <summary>Wakes <see cref="AwaitAll"/>, so that it asks again which ranks have ended.</summary>
    public void Wake()
    {
        lock (_lock) Monitor.PulseAll(_lock);
    }

    /// <summary>Returns the digests of a step if they differ, else null.</summary>
    public DigestMismatchException? Mismatch(long step)
    {
        lock (_lock)
        {
            ulong?[] digests = [.. Enumerable.Range(0, worldSize).Select(rank =>
                step >= 0 && _entries[rank, step % Kept] is var entry && entry.Step == step && _last[rank] >= step ? entry.Digest : (ulong?)null)];
            return digests.OfType<ulong>().Distinct().Count() > 1 ? new(step, digests) : null;
        }
    }
}
