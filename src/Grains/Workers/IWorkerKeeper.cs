namespace Spikeformer.Workers;

/// <summary>The part of a silo that starts and watches its worker processes.</summary>
public interface IWorkerKeeper
{
    /// <summary>Returns the last lines of a worker's log.</summary>
    /// <param name="worker">Its name, <c>silo/slot</c>.</param>
    /// <param name="lines">How many at most.</param>
    IReadOnlyList<string> Tail(string worker, int lines);

    /// <summary>Starts no further process for a worker's device.</summary>
    void Drain(string worker);

    /// <summary>Starts processes for a worker's device again.</summary>
    void Undrain(string worker);

    /// <summary>Returns whether a worker was drained.</summary>
    bool IsDrained(string worker);

    /// <summary>Returns whether a worker has a process.</summary>
    bool IsRunning(string worker);
}
