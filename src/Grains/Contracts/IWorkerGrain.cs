namespace Spikeformer.Contracts;

/// <summary>The twin of a worker process, by name <c>silo/slot</c>; lives on the worker's silo and keeps nothing that its worker does not
/// report again.</summary>
[Alias("spikeformer.IWorkerGrain")]
public interface IWorkerGrain : IGrainWithStringKey
{
    /// <summary>The worker's sign of life; the reply names a run to serve when it is idle. May be repeated.</summary>
    [Alias("Report"), ResponseTimeout("00:00:02")] Task<WorkerOrder> Report(WorkerReport report);

    /// <summary>What it said last, or null when it has not reported since its silo started.</summary>
    [Alias("Status"), ResponseTimeout("00:00:02")] Task<WorkerStatus?> Status();

    /// <summary>Asks the worker to leave its run at the next boundary and end.</summary>
    [Alias("Drain"), ResponseTimeout("00:00:05")] Task Drain();

    /// <summary>The last lines of its log, from its silo's disk.</summary>
    [Alias("Log"), ResponseTimeout("00:00:05")] Task<IReadOnlyList<string>> Log(int lines);
}
