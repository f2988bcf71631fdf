namespace Spikeformer.Contracts;

/// <summary>All runs and workers of a cluster. There is one such grain, with key 0. It calls no other grain, so every grain may call it.</summary>
[Alias("spikeformer.IRunDirectoryGrain")]
public interface IRunDirectoryGrain : IGrainWithIntegerKey
{
    /// <summary>Returns every run that was ever started, newest first.</summary>
    [Alias("Runs"), ResponseTimeout("00:00:05")] Task<IReadOnlyList<RunEntry>> Runs();

    /// <summary>Takes a run's new state and progress.</summary>
    [Alias("Update"), ResponseTimeout("00:00:02")] Task Update(RunEntry entry);

    /// <summary>Returns the workers that reported within the last 10 seconds.</summary>
    [Alias("Workers"), ResponseTimeout("00:00:05")] Task<IReadOnlyList<WorkerStatus>> Workers();

    /// <summary>Takes a worker's report from its twin, and gives an idle worker the oldest run that wants one more.</summary>
    /// <returns>The run to serve, or null.</returns>
    [Alias("Assign"), ResponseTimeout("00:00:02")] Task<string?> Assign(WorkerReport report);
}
