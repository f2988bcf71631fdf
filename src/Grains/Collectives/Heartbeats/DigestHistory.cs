namespace Spikeformer.Collectives.Heartbeats;

/// <summary>The digests of each rank's last applied steps. Members are at most one step apart, so a few steps are enough.</summary>
internal sealed class DigestHistory(int worldSize)
{
    private const int Kept = 4;

    private readonly (long Step, ulong Digest)[,] _entries = new (long, ulong)[worldSize, Kept];
    private readonly long[] _last = [.. Enumerable.Repeat(-1L, worldSize)];
    private readonly Lock _lock = new();

    /// <returns>Whether this was news.</returns>
    public bool Note(int rank, long step, ulong digest)
    {
        lock (_lock)
        {
            if (step <= _last[rank]) return false;
            _last[rank] = step;
            _entries[rank, step % Kept] = (step, digest);
            return true;
        }
    }

    /// <summary>The last step of a rank, or -1.</summary>
    public long Last(int rank)
    {
        lock (_lock) return _last[rank];
    }

    /// <summary>The digests of a step if they differ, else null.</summary>
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
