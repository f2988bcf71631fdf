namespace Spikeformer.Contracts;

/// <summary>The twin of a worker process, by name <c>silo/slot</c>. It lives on the worker's silo and keeps nothing that its worker does not
/// report again.</summary>
[Alias("spikeformer.IWorkerGrain")]
public interface IWorkerGrain : IGrainWithStringKey
{
    /// <summary>Takes the worker's sign of life; the reply names a run to serve when the worker is idle. May be repeated.</summary>
    [Alias("Report"), ResponseTimeout("00:00:02")] Task<WorkerOrder> Report(WorkerReport report);

    /// <summary>Returns the worker's last report, or null when it has not reported since its silo started.</summary>
    [Alias("Status"), ResponseTimeout("00:00:02")] Task<WorkerStatus?> Status();

    /// <summary>Asks the worker to leave its run at the next boundary and exit. Its silo starts no other process for the device until
    /// <see cref="Undrain"/>, or until the silo restarts. May be repeated.</summary>
    [Alias("Drain"), ResponseTimeout("00:00:05")] Task Drain();

    /// <summary>Lets the silo start a process for the device again. Does nothing when the worker is not drained.</summary>
    [Alias("Undrain"), ResponseTimeout("00:00:05")] Task Undrain();

    /// <summary>Returns the last lines of the worker's log, from its silo's disk.</summary>
    [Alias("Log"), ResponseTimeout("00:00:05")] Task<IReadOnlyList<string>> Log(int lines);
}
