using Spikeformer.Files;
using Spikeformer.Runs.TensorBoard;

namespace Spikeformer.Runs;

/// <summary>
/// Keeps a run's curves: <c>epochs.csv</c>, and from it TensorBoard's event files. They follow from what every member knows of the epochs that are
/// over, so whoever keeps the directory completes them. Trouble with the disk is reported, tried again with the next epoch, and never stops training.
/// </summary>
/// <param name="directory">The run's directory.</param>
/// <param name="job">Name of the recipe.</param>
/// <param name="run">Name of the run.</param>
/// <param name="batch">The recipe's batch.</param>
/// <param name="warn">Gets a message when the disk refuses.</param>
/// <param name="time">Clock for people's time stamps.</param>
internal sealed class EpochLog(RunDirectory directory, string job, string run, int batch, Action<string> warn, TimeProvider time) : IDisposable
{
    // The authors' tags and folders, so that a run's curves lie over theirs.
    private static readonly string[] s_train = ["Train/train_loss", "Train/train_acc1", "Train/train_acc5"], s_test = ["Test/test_loss", "Test/test_acc1", "Test/test_acc5"];

    private EpochTable? _table;
    private ScalarLog? _train, _test;
    private int _written = -1;

    /// <summary>Brings the files up to the epochs that are over.</summary>
    /// <param name="progress">What is known of them.</param>
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
            warn($"The curves of epoch {progress.Epochs - 1} wait for the next: {error.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    /// <summary>A tag ends with the name of the column that it shows.</summary>
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
