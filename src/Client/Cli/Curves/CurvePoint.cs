using System.Globalization;

namespace Spikeformer.Cli.Curves;

/// <summary>An epoch of a curve: a row of <c>epochs.csv</c> of a run, or of the curves that the authors published.</summary>
/// <param name="Job">The recipe, or the job of the authors.</param>
/// <param name="Run">The run; the ImageNet job of the authors has four.</param>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="LearningRate">Learning rate.</param>
/// <param name="TrainLoss">Training loss.</param>
/// <param name="TrainAccuracy">Training accuracy, percent.</param>
/// <param name="TestLoss">Test loss; NaN if the epoch was cut off.</param>
/// <param name="TestAccuracy">Test accuracy, percent; NaN if the epoch was cut off.</param>
internal sealed record CurvePoint(
    string Job, string Run, int Epoch, double LearningRate, double TrainLoss, double TrainAccuracy, double TestLoss, double TestAccuracy)
{
    private const string ReferenceResource = "Spikeformer.reference-curves.csv";

    /// <summary>The jobs of the authors.</summary>
    public static IReadOnlyList<string> Jobs { get; } = ["dvscifar10", "dvsgesture", "imagenet"];

    /// <summary>Returns the curves of the three jobs of the authors, from their logs (docs/reference-curves.csv).</summary>
    public static IReadOnlyList<CurvePoint> Reference()
    {
        using var reader = new StreamReader(typeof(CurvePoint).Assembly.GetManifestResourceStream(ReferenceResource)!);
        return Read(reader, ReferenceResource);
    }

    /// <summary>Reads a table of curves.</summary>
    /// <param name="reader">CSV that begins with the column names.</param>
    /// <param name="file">Name of the file, for errors.</param>
    /// <exception cref="SpikeformerException">A column is missing, or a value is not a number (CheckFailed).</exception>
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
                : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : throw Bad(column, $"holds '{text}', which is not a number");

            SpikeformerException Bad(string column, string problem) =>
                new(ErrorKind.CheckFailed, $"{file}, line {line}: the column {column} {problem}", "Restore the file from a copy; for a run, 'resume' writes it again");
        }
        return points;
    }
}
