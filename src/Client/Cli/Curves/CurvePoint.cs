using System.Globalization;

namespace Spikeformer.Cli.Curves;

/// <summary>An epoch of a curve: a row of a run's <c>epochs.csv</c> or of the authors' published curves.</summary>
/// <param name="Job">Recipe, or the authors' job.</param>
/// <param name="Run">Run; the authors' ImageNet job is made of four.</param>
/// <param name="Epoch">Epoch, from 0.</param>
/// <param name="LearningRate">Learning rate.</param>
/// <param name="TrainLoss">Training loss.</param>
/// <param name="TrainAccuracy">Training accuracy, percent.</param>
/// <param name="TestLoss">Test loss; NaN where the epoch was cut off.</param>
/// <param name="TestAccuracy">Test accuracy, percent; NaN where the epoch was cut off.</param>
internal sealed record CurvePoint(
    string Job, string Run, int Epoch, double LearningRate, double TrainLoss, double TrainAccuracy, double TestLoss, double TestAccuracy)
{
    private const string ReferenceResource = "Spikeformer.reference-curves.csv";

    /// <summary>The authors' jobs.</summary>
    public static IReadOnlyList<string> Jobs { get; } = ["dvscifar10", "dvsgesture", "imagenet"];

    /// <summary>The curves of the authors' three jobs, from their logs (docs/reference-curves.csv).</summary>
    public static IReadOnlyList<CurvePoint> Reference()
    {
        using var reader = new StreamReader(typeof(CurvePoint).Assembly.GetManifestResourceStream(ReferenceResource)!);
        return Read(reader, ReferenceResource);
    }

    /// <summary>Reads a table of curves.</summary>
    /// <param name="reader">CSV with a line of column names.</param>
    /// <param name="file">Name of the file, for errors.</param>
    /// <exception cref="SpikeformerException">A column is missing or a value is no number (CheckFailed).</exception>
    public static IReadOnlyList<CurvePoint> Read(TextReader reader, string file)
    {
        string[] names = reader.ReadLine()?.Split(',') ?? [];
        var points = new List<CurvePoint>();
        for (int line = 2; reader.ReadLine() is { } row; line++)
        {
            string[] fields = row.Split(',');
            points.Add(new(Text("job"), Text("run"), (int)Number("epoch"), Number("lr"), Number("train_loss"), Number("train_acc1"), Number("test_loss"), Number("test_acc1")));

            string Text(string column) => Array.IndexOf(names, column) is >= 0 and var at && at < fields.Length ? fields[at] : throw Bad(column, "is missing");

            double Number(string column) => Text(column) is var text && text == "" ? double.NaN
                : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : throw Bad(column, $"holds '{text}', which is no number");

            SpikeformerException Bad(string column, string problem) =>
                new(ErrorKind.CheckFailed, $"{file}, line {line}: the column {column} {problem}", "Restore the file from a copy; 'resume' writes that of a run anew");
        }
        return points;
    }
}
