using Spikeformer.Runs.TensorBoard;

namespace Spikeformer.Runs;

/// <summary>Writes a run's curves: <c>epochs.csv</c>, and from it TensorBoard's event files. Every member knows the completed epochs, so each lead can complete
/// the files. A storage error is reported, retried with the next epoch, and never stops training.</summary>
/// <param name="directory">The run's directory.</param>
/// <param name="job">The name of the recipe.</param>
/// <param name="run">The name of the run.</param>
/// <param name="batch">The recipe's batch size.</param>
/// <param name="warn">Receives the message of a storage error.</param>
/// <param name="time">The clock for time stamps.</param>
internal sealed class EpochLog(RunDirectory directory, string job, string run, int batch, Action<string> warn, TimeProvider time) : IDisposable
{
    // The authors' tags and folders, so that TensorBoard shows a run's curves together with theirs.
    private static readonly string[] s_train = ["Train/train_loss", "Train/train_acc1", "Train/train_acc5"], s_test = ["Test/test_loss", "Test/test_acc1", "Test/test_acc5"];

    private EpochTable? _table;
    private ScalarLog? _train, _test;
    private int _written = -1;

    /// <summary>Completes the files up to the last completed epoch.</summary>
    /// <param name="progress">The completed epochs.</param>
    public void Write(TrainingProgress progress)
    {
        if (progress.Epochs == _written) return;
        _written = progress.Epochs;
        try
        {
            _table ??= EpochTable.Read(directory.EpochsFile, progress.Epochs);
            foreach (EpochSummary epoch in progress.History) _table.Add(job, run, batch, epoch);
            AtomicFile.Write(directory.EpochsFile, _table.WriteTo);
            WriteCurves(ref _train, "train", s_train, _table, progress.Epochs);
            WriteCurves(ref _test, "te", s_test, _table, progress.Epochs);
        }
        catch (Exception error) when (error is SpikeformerException or InvalidDataException || StorageErrors.IsStorage(error))
        {
            Close();
            warn($"The curves of epoch {progress.Epochs - 1} were not written and will be retried after the next epoch: {error.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    /// <summary>Writes the curves of some tags. Each tag ends with the name of its column.</summary>
    private void WriteCurves(ref ScalarLog? log, string folder, string[] tags, EpochTable table, int epochs)
    {
        log ??= ScalarLog.Open(Path.Combine(directory.TensorBoardFolder, folder), tags, table.Epochs.FirstOrDefault(), epochs, time.GetUtcNow());
        int next = log.Next;
        foreach (int epoch in table.Epochs.Where(epoch => epoch >= next))
            log.Append(epoch, [.. tags.Select(tag => (tag, table[epoch, tag.Split('/')[1]]))], time.GetUtcNow());
    }

    private void Close()
    {
        _train?.Dispose();
        _test?.Dispose();
        (_table, _train, _test) = (null, null, null);
    }
}
