using System.Runtime.InteropServices;
using Spikeformer.Client;
using Spikeformer.Contracts;

namespace Spikeformer.Benchmarks;

/// <summary>Sends signals to the worker processes of a run.</summary>
internal static partial class Signals
{
    public const int Kill = 9, Continue = 18, Stop = 19;

    /// <summary>Returns the process ids of members.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="run">Name of the run.</param>
    /// <param name="ranks">Ranks of the members.</param>
    public static async Task<int[]> ProcessesAsync(SpikeformerCluster cluster, RunStatus run, params int[] ranks)
    {
        IReadOnlyList<WorkerStatus> workers = await cluster.WorkersAsync();
        return [.. from member in run.Members
                   where member.Rank is { } rank && ranks.Contains(rank)
                   select workers.Single(worker => worker.Report.Info.Worker == member.Worker).Report.Info.ProcessId];
    }

    /// <summary>Sends a signal. Ignores a process that has already ended.</summary>
    public static void Send(int signal, params int[] processes)
    {
        foreach (int process in processes) _ = kill(process, signal);
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
