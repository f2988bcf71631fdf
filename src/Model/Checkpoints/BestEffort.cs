namespace Spikeformer.Checkpoints;

/// <summary>Operations on a storage that may fail without harm.</summary>
internal static class BestEffort
{
    /// <summary>Runs an action and ignores errors of the storage.</summary>
    public static void Try(Action action)
    {
        try { action(); }
        catch (Exception error) when (StorageErrors.IsStorage(error)) { }
    }
}
