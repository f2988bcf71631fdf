namespace Spikeformer.Checkpoints;

/// <summary>Lets one thread of one process at a time change the checkpoints in a storage.</summary>
internal sealed class WriteLock(ICheckpointFiles files)
{
    private readonly Lock _thisProcess = new();

    /// <summary>Runs an action as the only writer.</summary>
    /// <param name="failure">The start of the error message if the storage fails.</param>
    /// <param name="action">The action.</param>
    /// <exception cref="SpikeformerException">Another process is writing (Conflict), or the storage fails.</exception>
    public T Run<T>(string failure, Func<T> action)
    {
        lock (_thisProcess)
        {
            try
            {
                using IDisposable held = files.Lock();
                return action();
            }
            catch (Exception error) when (StorageErrors.IsStorage(error))
            {
                throw StorageErrors.Explain(error, failure);
            }
        }
    }
}
