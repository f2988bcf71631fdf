namespace Spikeformer.Silo.Worker.Session;

/// <summary>Tells a stuck computation from a slow one by how long the worker's own phases took before. Not for several threads at once.</summary>
internal sealed class StuckWatch(TimeProvider time)
{
    private const int Patience = 10;
    private static readonly TimeSpan LeastPatience = TimeSpan.FromSeconds(10), LonePatience = TimeSpan.FromSeconds(30), Standstill = TimeSpan.FromSeconds(5);

    private readonly Dictionary<WorkerPhase, TimeSpan> _longest = [];
    private long _entered;
    private long? _ended, _asked;

    /// <summary>Whether a phase is one in which the compute thread works or waits for peers.</summary>
    public static bool IsWatched(WorkerPhase phase) => phase is WorkerPhase.Connecting or WorkerPhase.Aligning or WorkerPhase.Computing or WorkerPhase.Reducing
        or WorkerPhase.Applying or WorkerPhase.Evaluating;

    public void Leave(WorkerPhase phase)
    {
        long now = time.GetTimestamp();
        TimeSpan taken = time.GetElapsedTime(_entered, now);
        if (taken > _longest.GetValueOrDefault(phase)) _longest[phase] = taken;
        (_entered, _ended) = (now, null);
    }

    /// <summary>Forgets how long phases took: another generation has other shares of the work.</summary>
    public void Restart() => _longest.Clear();

    /// <summary>The generation ended while the compute thread is in a phase of it.</summary>
    public void End() => _ended ??= time.GetTimestamp();

    /// <summary>Whether the compute thread is stuck: it has been in a phase for far too long since its generation ended; or, without peers who would end the
    /// generation, for far longer than in this phase before. To be asked often: a long time between two questions means that the whole process stood still,
    /// and does not count.</summary>
    public bool IsStuck(WorkerPhase phase, bool isAlone)
    {
        long now = time.GetTimestamp();
        if (_asked is { } asked && time.GetElapsedTime(asked, now) > Standstill) (_entered, _ended) = (now, _ended is null ? null : now);
        _asked = now;
        if (_ended is { } ended) return time.GetElapsedTime(ended, now) > LeastPatience + Patience * _longest.Values.DefaultIfEmpty().Max();
        return isAlone && IsWatched(phase) && _longest.TryGetValue(phase, out TimeSpan longest) && time.GetElapsedTime(_entered, now) > LonePatience + Patience * longest;
    }
}
