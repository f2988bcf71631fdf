using Orleans.Concurrency;

namespace Spikeformer.Contracts;

/// <summary>A run, by name: the only one that decides about it. Every change is one conditional write and only then told to anybody, so a
/// crash loses nothing that was answered; every call may be repeated.</summary>
[Alias("spikeformer.IRunGrain")]
public interface IRunGrain : IGrainWithStringKey
{
    /// <summary>Accepts a new run, or continues one that is over.</summary>
    /// <returns>Refused when the name is taken by a run that is not over (4), or the recipe or a name is wrong (2).</returns>
    [Alias("Start"), ResponseTimeout("00:00:05")] Task<CommandReply> Start(RunCommand command, RunSpec spec);

    /// <summary>Continues a run that is over, as it was started but for what is changed.</summary>
    /// <returns>Refused when there is no such run (3), it is not over, or complete and not changed, or a change is not allowed by name (4), or the
    /// changed recipe is wrong (2).</returns>
    [Alias("Resume"), ResponseTimeout("00:00:05")] Task<CommandReply> Resume(RunCommand command, RunChanges changes);

    /// <summary>Asks the members to save and end at the next boundary. A run that is over is left as it is.</summary>
    [Alias("Stop"), ResponseTimeout("00:00:05")] Task<CommandReply> Stop(RunCommand command);

    /// <summary>Ends the run now, without a checkpoint.</summary>
    [Alias("Cancel"), ResponseTimeout("00:00:05")] Task<CommandReply> Cancel(RunCommand command);

    /// <summary>A member's report; the reply is what it should do. Safe to repeat: the sequence number tells.</summary>
    [Alias("Report"), ResponseTimeout("00:00:02")] Task<MemberOrder> Report(MemberReport report);

    /// <summary>How it stands; state None when no such run was ever started.</summary>
    [Alias("Status"), AlwaysInterleave, ReadOnly, ResponseTimeout("00:00:02")] Task<RunStatus> Status();

    /// <summary>What happened since a position.</summary>
    [Alias("News"), AlwaysInterleave, ReadOnly, ResponseTimeout("00:00:02")] Task<RunNews> News(NewsPosition since);
}
