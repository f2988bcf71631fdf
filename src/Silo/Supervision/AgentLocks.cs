namespace Spikeformer.Silo.Supervision;

/// <summary>
/// By which a silo and its workers know of each other's lives: each holds a lock on a file, which the system releases whatever they die of. A worker
/// whose silo is gone goes on for its grace; a silo that starts again under the same name finds it by its lock, and adopts it.
/// </summary>
/// <param name="Folder">Where the files are; must exist.</param>
/// <param name="Silo">The silo's name.</param>
internal sealed record AgentLocks(string Folder, string Silo)
{
    /// <summary>Held by the silo.</summary>
    public string Agent => Path.Combine(Folder, $"{Silo}.lock");

    /// <summary>Held by the worker on one of its devices.</summary>
    public string Worker(int slot) => Path.Combine(Folder, $"{Silo}-{slot}.lock");
}
