using Spikeformer.Checkpoints;

namespace Spikeformer.Runs;

/// <summary>Saves checkpoints on a thread of its own, one at a time. Trouble with the disk is reported and never stops training.</summary>
/// <param name="store">Where checkpoints go.</param>
/// <param name="report">Receives each outcome, on the saving thread: the saved entry, or null and what went wrong.</param>
public sealed class BackgroundCheckpoints(CheckpointStore store, Action<CheckpointInfo, SaveResult?, string?> report) : IDisposable
{
    private Thread? _saving;

    /// <summary>The last checkpoint that was saved and verified, or null.</summary>
    public CheckpointEntry? Last { get; private set; }

    /// <summary>Whether a save is under way.</summary>
    public bool IsBusy => _saving is { IsAlive: true };

    /// <summary>Begins a save; waits for the one under way first.</summary>
    /// <param name="info">The checkpoint's description.</param>
    /// <param name="state">The state at a commit boundary: a copy that nothing changes any more.</param>
    /// <param name="best">Whether it is the best so far.</param>
    public void Save(CheckpointInfo info, IReadOnlyList<StateTensor> state, bool best)
    {
        Wait();
        _saving = new Thread(() => Run(info, state, best)) { Name = "checkpoint", IsBackground = true };
        _saving.Start();
    }

    /// <summary>Waits for the save under way.</summary>
    public void Wait() => _saving?.Join();

    /// <inheritdoc/>
    public void Dispose() => Wait();

    private void Run(CheckpointInfo info, IReadOnlyList<StateTensor> state, bool best)
    {
        try
        {
            SaveResult result = store.Save(info, state, best);
            Last = result.Entry;
            report(info, result, null);
        }
        catch (Exception error) when (error is SpikeformerException or IOException or UnauthorizedAccessException)
        {
            report(info, null, error.Message);
        }
    }
}
