using ScottPlot;

namespace Spikeformer.Cli.Curves;

/// <summary>Draws learning curves by epoch: loss, accuracy and learning rate. The curves of the authors are dashed and pale.</summary>
internal static class CurveFigure
{
    private const int PlotWidth = 640, PlotHeight = 480;
    private static readonly Color s_train = Colors.C0, s_test = Colors.C3, s_rate = Colors.C2;

    /// <summary>Returns the figure as a PNG.</summary>
    /// <param name="title">The title.</param>
    /// <param name="run">The epochs of the run.</param>
    /// <param name="reference">The epochs of the authors, or none.</param>
    public static byte[] Draw(string title, IReadOnlyList<CurvePoint> run, IReadOnlyList<CurvePoint> reference)
    {
        Plot loss = Chart("loss", Alignment.UpperRight), accuracy = Chart("accuracy, %", Alignment.LowerRight), rate = Chart("learning rate", Alignment.UpperRight);
        accuracy.Title(title);
        foreach (IGrouping<string, CurvePoint> part in reference.GroupBy(point => point.Run))
        {
            Add(loss, part, point => point.TrainLoss, "authors, train", s_train, isReference: true);
            Add(loss, part, point => point.TestLoss, "authors, test", s_test, isReference: true);
            Add(accuracy, part, point => point.TrainAccuracy, "authors, train", s_train, isReference: true);
            Add(accuracy, part, point => point.TestAccuracy, "authors, test", s_test, isReference: true);
            Add(rate, part, point => point.LearningRate, "authors", s_rate, isReference: true);
        }
        Add(loss, run, point => point.TrainLoss, "train", s_train);
        Add(loss, run, point => point.TestLoss, "test", s_test);
        Add(accuracy, run, point => point.TrainAccuracy, "train", s_train);
        Add(accuracy, run, point => point.TestAccuracy, "test", s_test);
        Add(rate, run, point => point.LearningRate, "this run", s_rate);
        var figure = new Multiplot(loss) { Layout = new ScottPlot.MultiplotLayouts.Columns() };
        figure.AddPlot(accuracy);
        figure.AddPlot(rate);
        using Image image = figure.Render(3 * PlotWidth, PlotHeight);
        return image.GetImageBytes(ImageFormat.Png, 100);
    }

    private static Plot Chart(string label, Alignment legend)
    {
        var chart = new Plot();
        chart.ShowLegend(legend);
        chart.XLabel("epoch");
        chart.YLabel(label);
        return chart;
    }

    /// <summary>Adds one curve; the legend names curves of one kind once.</summary>
    private static void Add(Plot chart, IEnumerable<CurvePoint> points, Func<CurvePoint, double> value, string name, Color color, bool isReference = false)
    {
        Coordinates[] line = [.. points.Where(point => double.IsFinite(value(point))).Select(point => new Coordinates(point.Epoch, value(point)))];
        if (line.Length == 0) return;
        var curve = chart.Add.Scatter(line, isReference ? color.WithAlpha(0.35) : color);
        curve.LineWidth = isReference ? 1.5f : 2;
        curve.LinePattern = isReference ? LinePattern.Dashed : LinePattern.Solid;
        curve.MarkerSize = line.Length == 1 ? 6 : 0;
        if (chart.GetPlottables<ScottPlot.Plottables.Scatter>().All(other => other.LegendText != name)) curve.LegendText = name;
    }
}
