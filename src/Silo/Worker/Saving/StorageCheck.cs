using Spikeformer.Checkpoints;

namespace Spikeformer.Silo.Worker.Saving;

/// <summary>Checks during a generation whether this worker shares the storage of the lead, on a thread of its own: a storage that hangs must not stop a
/// step.</summary>
internal sealed class StorageCheck : IDisposable
{
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(20), s_longestPause = TimeSpan.FromSeconds(5);

    private readonly object _gate = new();
    private bool _isOver;
    private volatile bool _isShared;

    public StorageCheck(ICheckpointFiles files, GenerationId generation) =>
        new Thread(() => Check(new(files), generation)) { Name = "storage", IsBackground = true }.Start();

    public bool IsShared => _isShared;

    /// <summary>Ends the check. Does not wait for a storage that hangs.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Check(StorageProof proof, GenerationId generation)
    {
        for (TimeSpan pause = s_shortestPause; !IsFound(proof, generation); pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause)
            lock (_gate)
            {
                if (!_isOver) Monitor.Wait(_gate, pause);
                if (_isOver) return;
            }
        _isShared = true;
    }

    private static bool IsFound(StorageProof proof, GenerationId generation)
    {
        try
        {
            return proof.Exists(generation);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
