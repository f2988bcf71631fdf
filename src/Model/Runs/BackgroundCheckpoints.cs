using Spikeformer.Checkpoints;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>Saves checkpoints on a thread of its own, one at a time. Trouble with the disk is reported and never stops training.</summary>
/// <param name="store">Where checkpoints go.</param>
/// <param name="report">Receives each outcome, on the saving thread: what was saved, or null and what went wrong.</param>
public sealed class BackgroundCheckpoints(CheckpointStore store, Action<CheckpointInfo, SaveResult?, Exception?> report) : IDisposable
{
    private Thread? _saving;
    private CancellationTokenSource _callOff = new();

    /// <summary>The last checkpoint that was saved and verified, or null.</summary>
    public CheckpointEntry? Last { get; private set; }

    /// <summary>Whether a save is under way.</summary>
    public bool IsBusy => _saving is { IsAlive: true };

    /// <summary>Begins a save; waits for the one under way first.</summary>
    /// <param name="info">The checkpoint's description; the digest of the weights is filled in on the saving thread.</param>
    /// <param name="state">The state at a commit boundary: a copy that nothing changes any more.</param>
    /// <param name="best">Whether it is the best so far.</param>
    /// <param name="writers">Who writes it; see <see cref="CheckpointStore.Save"/>.</param>
    public void Save(CheckpointInfo info, IReadOnlyList<StateTensor> state, bool best, IReadOnlyList<string> writers)
    {
        Wait();
        _callOff.Dispose();
        _callOff = new();
        CancellationToken callOff = _callOff.Token;
        _saving = new Thread(() => Run(info, state, best, writers, callOff)) { Name = "checkpoint", IsBackground = true };
        _saving.Start();
    }

    /// <summary>Lets the save under way wait no longer for other writers.</summary>
    public void CallOff() => _callOff.Cancel();

    /// <summary>Waits for the save under way.</summary>
    public void Wait() => _saving?.Join();

    /// <summary>The same for a while.</summary>
    /// <returns>Whether no save is under way any more.</returns>
    public bool Wait(TimeSpan patience) => _saving is null || _saving.Join(patience);

    /// <summary>Calls the save under way off, and waits for its end.</summary>
    public void Dispose()
    {
        CallOff();
        Wait();
        _callOff.Dispose();
    }

    private void Run(CheckpointInfo info, IReadOnlyList<StateTensor> state, bool best, IReadOnlyList<string> writers, CancellationToken callOff)
    {
        info = info with { WeightsDigest = TrainingState.WeightsDigest(state) };
        try
        {
            SaveResult result = store.Save(info, state, best, writers, callOff);
            Last = result.Entry;
            report(info, result, null);
        }
        catch (Exception error) when (error is SpikeformerException or IOException or UnauthorizedAccessException)
        {
            report(info, null, error);
        }
    }
}
