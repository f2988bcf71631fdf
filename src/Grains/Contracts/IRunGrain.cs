using Orleans.Concurrency;

namespace Spikeformer.Contracts;

/// <summary>A run, by name. This grain alone decides about the run. It writes every change, in one conditional write, before it answers or
/// announces it, so a crash loses nothing that was answered. Every call may be repeated.</summary>
[Alias("spikeformer.IRunGrain")]
public interface IRunGrain : IGrainWithStringKey
{
    /// <summary>Accepts a new run, or continues one that has ended.</summary>
    /// <returns>Refused when a run of that name has not ended (4), or when the recipe, the name or a number of workers is wrong (2).</returns>
    [Alias("Start"), ResponseTimeout("00:00:05")] Task<CommandReply> Start(RunCommand command, RunSpec spec);

    /// <summary>Continues a run that has ended, with some settings changed.</summary>
    /// <returns>Refused when there is no such run (3); when it has not ended, is complete and unchanged, or a change is not allowed by name (4);
    /// or when a changed setting is wrong (2).</returns>
    [Alias("Resume"), ResponseTimeout("00:00:05")] Task<CommandReply> Resume(RunCommand command, RunChanges changes);

    /// <summary>Asks the members to save and stop at the next boundary. Does nothing to a run that has ended.</summary>
    [Alias("Stop"), ResponseTimeout("00:00:05")] Task<CommandReply> Stop(RunCommand command);

    /// <summary>Ends the run at once, without a checkpoint.</summary>
    [Alias("Cancel"), ResponseTimeout("00:00:05")] Task<CommandReply> Cancel(RunCommand command);

    /// <summary>Takes a worker's report and replies with its next order. Safe to repeat: a report with a known sequence number changes
    /// nothing.</summary>
    [Alias("Report"), ResponseTimeout("00:00:02")] Task<MemberOrder> Report(MemberReport report);

    /// <summary>Returns the run's status; its state is None when no run of that name was ever started.</summary>
    [Alias("Status"), AlwaysInterleave, ReadOnly, ResponseTimeout("00:00:02")] Task<RunStatus> Status();

    /// <summary>Returns the events, steps and evaluations since a position.</summary>
    [Alias("News"), AlwaysInterleave, ReadOnly, ResponseTimeout("00:00:02")] Task<RunNews> News(NewsPosition since);
}
