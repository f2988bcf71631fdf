using Spikeformer.Checkpoints;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>Saves checkpoints on its own thread, one at a time. A storage error is reported and never stops training.</summary>
/// <param name="store">The checkpoints.</param>
/// <param name="report">Receives each outcome on the saving thread: the result, or null and the error.</param>
internal sealed class BackgroundCheckpoints(CheckpointStore store, Action<CheckpointInfo, SaveResult?, Exception?> report) : IDisposable
{
    private Thread? _saving;
    private CancellationTokenSource _callOff = new();

    /// <summary>Whether a save is in progress.</summary>
    public bool IsBusy => _saving is { IsAlive: true };

    /// <summary>Starts a save. Waits for the save in progress first.</summary>
    /// <param name="info">The description of the state; the saving thread adds the digest of the weights.</param>
    /// <param name="state">A copy of the state at a commit boundary, which no longer changes.</param>
    /// <param name="best">Whether it is the best state so far.</param>
    /// <param name="writers">The writers; see <see cref="CheckpointStore.Save"/>.</param>
    public void Save(CheckpointInfo info, IReadOnlyList<StateTensor> state, bool best, IReadOnlyList<string> writers)
    {
        Wait();
        _callOff.Dispose();
        _callOff = new();
        CancellationToken callOff = _callOff.Token;
        _saving = new Thread(() => Run(info, state, best, writers, callOff)) { Name = "checkpoint", IsBackground = true };
        _saving.Start();
    }

    /// <summary>Stops the save in progress from waiting for other writers.</summary>
    public void CallOff() => _callOff.Cancel();

    /// <summary>Waits for the save in progress.</summary>
    public void Wait() => _saving?.Join();

    /// <summary>Waits for the save in progress, up to a time limit.</summary>
    /// <returns>Whether no save is in progress.</returns>
    public bool Wait(TimeSpan patience) => _saving is null || _saving.Join(patience);

    /// <summary>Calls off the save in progress and waits for its end.</summary>
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
            report(info, store.Save(info, state, best, writers, callOff), null);
        }
        catch (Exception error) when (error is SpikeformerException or IOException or UnauthorizedAccessException)
        {
            report(info, null, error);
        }
    }
}
