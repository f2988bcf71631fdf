namespace Spikeformer.Contracts;

/// <summary>All runs and workers of a cluster; there is one, with key 0. It calls nobody, so anybody may call it.</summary>
[Alias("spikeformer.IRunDirectoryGrain")]
public interface IRunDirectoryGrain : IGrainWithIntegerKey
{
    /// <summary>Every run that was ever started, newest first.</summary>
    [Alias("Runs"), ResponseTimeout("00:00:05")] Task<IReadOnlyList<RunEntry>> Runs();

    /// <summary>A run tells how it stands.</summary>
    [Alias("Update"), ResponseTimeout("00:00:02")] Task Update(RunEntry entry);

    /// <summary>Workers that reported lately.</summary>
    [Alias("Workers"), ResponseTimeout("00:00:05")] Task<IReadOnlyList<WorkerStatus>> Workers();

    /// <summary>A worker's twin passes its report on; an idle worker gets the oldest run that wants one more.</summary>
    /// <returns>The run to serve, or null.</returns>
    [Alias("Assign"), ResponseTimeout("00:00:02")] Task<string?> Assign(WorkerReport report);
}
