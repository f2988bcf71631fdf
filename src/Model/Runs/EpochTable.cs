using System.Globalization;
using System.Text;

namespace Spikeformer.Runs;

/// <summary>The file <c>epochs.csv</c>: one row per epoch, with the columns of the authors' published curves and then the two losses as the authors average
/// them. Each epoch rewrites the file atomically, so a row is never torn or repeated.</summary>
public sealed class EpochTable
{
    /// <summary>The columns of <c>docs/reference-curves.csv</c>.</summary>
    public const string ReferenceColumns = "job,run,epoch,lr,train_loss,train_acc1,train_acc5,train_source,last_logged_iter,iters_per_epoch,test_loss,test_acc1,test_acc5," +
        "train_seconds,test_seconds,samples_per_s_per_gpu_median,samples_per_s_whole_job,max_mem_mb,complete";

    /// <summary>The columns of a run's file.</summary>
    public const string Columns = ReferenceColumns + ",train_loss_reference,test_loss_reference";

    private const int EpochColumn = 2;
    private static readonly string[] s_names = Columns.Split(',');
    private static readonly int[] s_texts = [Array.IndexOf(s_names, "job"), Array.IndexOf(s_names, "run"), Array.IndexOf(s_names, "train_source")];

    private readonly SortedDictionary<int, string> _rows = [];

    /// <summary>The epochs that have a row, in order.</summary>
    public IReadOnlyCollection<int> Epochs => _rows.Keys;

    /// <summary>The value of an epoch in a numeric column.</summary>
    public double this[int epoch, string column] =>
        double.Parse(_rows[epoch].Split(',')[Array.IndexOf(s_names, column)], NumberStyles.Float, CultureInfo.InvariantCulture);

    /// <summary>Writes the whole content of the file.</summary>
    /// <param name="stream">The stream to write to; not disposed.</param>
    public void WriteTo(Stream stream)
    {
        using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
        writer.WriteLine(Columns);
        foreach (string row in _rows.Values) writer.WriteLine(row);
    }

    /// <summary>Reads the rows of the completed epochs from a file. Damaged rows and rows of later epochs are omitted.</summary>
    /// <param name="path">The file, which may be missing.</param>
    /// <param name="epochs">The number of completed epochs; later epochs will be recomputed.</param>
    public static EpochTable Read(string path, int epochs)
    {
        var table = new EpochTable();
        if (!File.Exists(path)) return table;
        foreach (string row in File.ReadLines(path, Encoding.UTF8).Skip(1))
        {
            string[] fields = row.Split(',');
            if (IsValid(fields) && int.TryParse(fields[EpochColumn], NumberStyles.None, CultureInfo.InvariantCulture, out int epoch) && epoch < epochs)
                table._rows[epoch] = row;
        }
        return table;
    }

    /// <summary>Adds the row of an epoch, unless it already has one.</summary>
    /// <param name="job">The name of the recipe.</param>
    /// <param name="run">The name of the run.</param>
    /// <param name="batch">The recipe's batch size.</param>
    /// <param name="summary">The epoch.</param>
    /// <returns>Whether the row was added.</returns>
    public bool Add(string job, string run, int batch, EpochSummary summary)
    {
        EpochSums train = summary.Train;
        double seconds = train.Seconds;
        return _rows.TryAdd(summary.Epoch, string.Join(',', Name(job), Name(run), Number(summary.Epoch), Number(train.LearningRate), Number(summary.TrainLoss),
            Number(100 * summary.TrainAccuracy), Number(100 * summary.TrainTop5), "run", Number(train.Steps - 1), Number(train.Steps), Number(summary.Test.Loss),
            Number(100 * summary.Test.Accuracy), Number(100 * summary.Test.Top5Accuracy), Rounded(seconds), Rounded(summary.TestSeconds),
            Rounded(summary.WorkerSamplesPerSecond), Rounded(seconds > 0 ? train.Samples / seconds : 0), Rounded(summary.PeakMegabytes), "1",
            Number(summary.TrainReferenceLoss), Number(summary.Test.ReferenceLoss(batch))));
    }

    private static bool IsValid(string[] fields) => fields.Length == s_names.Length && fields.Index().All(field =>
        s_texts.Contains(field.Index) || double.TryParse(field.Item, NumberStyles.Float, CultureInfo.InvariantCulture, out _));

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Rounded(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    private static string Name(string text) => text.Replace(',', '_').ReplaceLineEndings("_");
}
