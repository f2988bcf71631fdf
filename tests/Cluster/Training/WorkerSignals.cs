using System.Diagnostics;
using System.Globalization;
using Spikeformer.Client;
using Spikeformer.Contracts;
using Spikeformer.TestKit;

namespace Spikeformer.Cluster.Training;

/// <summary>Sends signals to worker processes.</summary>
internal static class WorkerSignals
{
    public const int Kill = 9, Terminate = 15, Continue = 18, Stop = 19;

    /// <summary>Signals a worker's current process. Does nothing if the process has just ended.</summary>
    /// <returns>The process id.</returns>
    public static async Task<int> SendAsync(SpikeformerCluster cluster, string worker, int signal)
    {
        WorkerStatus? status = null;
        await Eventually.HoldsAsync($"worker {worker}", async () =>
            (status = (await cluster.WorkersAsync()).SingleOrDefault(one => one.Report.Info.Worker == worker)) is not null);
        Send(status!.Report.Info.ProcessId, signal);
        return status.Report.Info.ProcessId;
    }

    /// <summary>Signals a process.</summary>
    public static void Send(int process, int signal)
    {
        using Process kill = Process.Start(new ProcessStartInfo("kill", [string.Create(CultureInfo.InvariantCulture, $"-{signal}"), $"{process}"]) { RedirectStandardError = true })!;
        kill.WaitForExit();
    }
}
