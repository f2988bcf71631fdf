using System.Text.Json;

namespace Spikeformer.Contracts;

/// <summary>Where a run stands. Names are stored and printed: append, never rename.</summary>
public enum RunState
{
    /// <summary>The name was never given to a run.</summary>
    None,
    /// <summary>Accepted; no worker has come yet.</summary>
    Created,
    /// <summary>Fewer workers than it needs; goes on by itself.</summary>
    WaitingForWorkers,
    /// <summary>A generation trains it.</summary>
    Running,
    /// <summary>A stop was asked for; the members finish their step and save.</summary>
    Stopping,
    /// <summary>Stopped with a checkpoint; can be resumed.</summary>
    Stopped,
    /// <summary>All epochs are done.</summary>
    Completed,
    /// <summary>Ended by an error; can be resumed once its cause is gone.</summary>
    Failed,
    /// <summary>Ended on request without a checkpoint.</summary>
    Cancelled,
}

/// <summary>The spelling of states and phases in texts, JSON, events and metrics.</summary>
public static class StateNames
{
    /// <summary>Returns a run's state, such as <c>waitingForWorkers</c>.</summary>
    public static string Of(RunState state) => JsonNamingPolicy.CamelCase.ConvertName(state.ToString());

    /// <summary>Returns a worker's phase, such as <c>computing</c>.</summary>
    public static string Of(WorkerPhase phase) => JsonNamingPolicy.CamelCase.ConvertName(phase.ToString());
}

/// <summary>Questions about a state.</summary>
public static class RunStates
{
    /// <summary>Whether nothing more happens until somebody resumes it.</summary>
    public static bool IsOver(RunState state) => state is RunState.Stopped or RunState.Completed or RunState.Failed or RunState.Cancelled;

    /// <summary>Whether more workers may come to it.</summary>
    public static bool WantsWorkers(RunState state) => state is RunState.Created or RunState.WaitingForWorkers or RunState.Running;
}
