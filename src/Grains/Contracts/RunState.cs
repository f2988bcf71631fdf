using System.Text.Json;

namespace Spikeformer.Contracts;

/// <summary>The state of a run. The names are stored and printed: append, never rename.</summary>
public enum RunState
{
    /// <summary>No run has this name.</summary>
    None,
    /// <summary>Accepted; no generation has begun.</summary>
    Created,
    /// <summary>Has too few workers, or too little memory on them; continues by itself as soon as there are enough.</summary>
    WaitingForWorkers,
    /// <summary>A generation is training it.</summary>
    Running,
    /// <summary>A stop was requested; the members finish their step and save.</summary>
    Stopping,
    /// <summary>Stopped with a checkpoint; can be resumed.</summary>
    Stopped,
    /// <summary>Completed all epochs.</summary>
    Completed,
    /// <summary>Ended by an error; can be resumed once the cause is fixed.</summary>
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

/// <summary>Classifies states.</summary>
public static class RunStates
{
    /// <summary>Returns whether a run has ended: nothing happens to it until it is resumed.</summary>
    public static bool IsOver(RunState state) => state is RunState.Stopped or RunState.Completed or RunState.Failed or RunState.Cancelled;

    /// <summary>Returns whether a run takes more workers.</summary>
    public static bool WantsWorkers(RunState state) => state is RunState.Created or RunState.WaitingForWorkers or RunState.Running;
}
