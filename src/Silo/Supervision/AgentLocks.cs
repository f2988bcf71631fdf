namespace Spikeformer.Silo.Supervision;

/// <summary>
/// The lock files by which a silo and its workers know that the other is alive: the system releases a lock when the process ends for any reason. A
/// worker without its silo continues for a while; a silo that restarts under the same name finds the worker by its lock and adopts it.
/// </summary>
/// <param name="Folder">Folder of the files; must exist.</param>
/// <param name="Silo">Name of the silo.</param>
internal sealed record AgentLocks(string Folder, string Silo)
{
    /// <summary>The file that the silo locks.</summary>
    public string Agent => Path.Combine(Folder, $"{Silo}.lock");

    /// <summary>Returns the file that the worker of a slot locks.</summary>
    public string Worker(int slot) => Path.Combine(Folder, $"{Silo}-{slot}.lock");
}
