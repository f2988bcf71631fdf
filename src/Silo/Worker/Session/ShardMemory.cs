using System.Runtime.InteropServices;
using Spikeformer.Silo.Devices;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>The memory that shards take on this worker.</summary>
/// <param name="Baseline">Bytes that the process used before its first shard.</param>
/// <param name="Fixed">Bytes that any number of shards takes.</param>
/// <param name="PerShard">Bytes that each further shard takes.</param>
internal sealed partial record ShardMemory(long Baseline, long Fixed, long PerShard)
{
    // The rest is for copies of the state: checkpoints, and workers that join.
    private const double UsablePart = 0.9;

    /// <summary>Computes shards and measures the memory that they take. The process keeps the memory of freed tensors, so its growth is the most that
    /// it used at once.</summary>
    /// <param name="machine">The machine's memory.</param>
    /// <param name="compute">Computes shards; returns their number and the bytes that each shard needs in any case.</param>
    /// <param name="areTogether">Whether a worker computes all its shards together; otherwise one after the other, in the same memory.</param>
    /// <returns>Null where the system does not tell the memory of a process.</returns>
    public static ShardMemory? Measure(MachineMemory machine, Func<(int Shards, long LeastBytes)> compute, bool areTogether)
    {
        // An earlier run may have left free memory in this process, which would hide the growth.
        _ = malloc_trim(0);
        long? before = machine.Own();
        (int shards, long least) = compute();
        return before is { } baseline && machine.Own() is { } after ? Of(baseline, after - baseline, shards, least, areTogether) : null;
    }

    /// <summary>The same from a measured growth.</summary>
    internal static ShardMemory Of(long baseline, long growth, int shards, long least, bool areTogether)
    {
        long perShard = Math.Max(1, areTogether ? Math.Max(least, growth / shards) : least);
        return new(baseline, Math.Max(0, growth - shards * perShard), perShard);
    }

    /// <summary>Returns how many shards fit into the memory, at least 1.</summary>
    /// <param name="own">Bytes that the process uses now.</param>
    /// <param name="available">Bytes that the workers of the silo can still take; null where that is unknown.</param>
    /// <param name="workers">Number of these workers. Each may take an equal part.</param>
    /// <param name="limit">Bytes that these workers may use together; null for no limit.</param>
    public int Capacity(long own, long? available, int workers, long? limit)
    {
        double left = available is { } free ? UsablePart * free / workers + Math.Max(0, own - Baseline) : double.PositiveInfinity;
        if (limit is { } bytes) left = Math.Min(left, (double)bytes / workers - Baseline);
        return (int)Math.Clamp((left - Fixed) / PerShard, 1, int.MaxValue);
    }

    [LibraryImport("libc")]
    private static partial int malloc_trim(nint pad);
}
