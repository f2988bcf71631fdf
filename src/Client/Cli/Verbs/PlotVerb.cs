using System.Globalization;
using Spikeformer.Cli.Curves;
using Spikeformer.Files;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>plot</c>: draws the learning curves of a run, alone or over the curves of the authors.</summary>
internal static class PlotVerb
{
    public static Command Create()
    {
        Option<string?> @out = RunOptions.OutOfRun();
        var reference = new Option<string?>("--reference")
        {
            Description = "Draw the curves of a job of the authors, too (default: the job on the same data)", HelpName = "JOB", Arity = ArgumentArity.ZeroOrOne,
        };
        reference.AcceptOnlyFromAmong([.. CurvePoint.Jobs]);
        var file = new Argument<string?>("file") { Description = "PNG file to write (default: curves.png in the run directory)", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("plot", "Draw loss, accuracy and learning rate of a run as a PNG file") { @out, reference, file };
        command.SetAction(parsed =>
        {
            var directory = new RunDirectory(parsed.GetValue(@out)!);
            RunDescription description = directory.ReadDescription();
            bool isCompared = parsed.GetResult(reference) is not null;
            string? job = isCompared ? parsed.GetValue(reference) ?? JobOf(description) : null;
            IReadOnlyList<CurvePoint> run = Read(directory), authors = [.. CurvePoint.Reference().Where(point => point.Job == job)];
            string path = Path.GetFullPath(parsed.GetValue(file) ?? Path.Combine(directory.Path, "curves.png"));
            AtomicFile.WriteAllBytes(path, CurveFigure.Draw(description.Run, run, authors));
            Show(Terminal.Of(parsed), path, run, authors);
            return 0;
        });
        return command;
    }

    /// <summary>Reads the completed epochs of a run.</summary>
    /// <exception cref="SpikeformerException">The run has no completed epochs (NotFound), or the table is damaged.</exception>
    public static IReadOnlyList<CurvePoint> Read(RunDirectory directory)
    {
        IReadOnlyList<CurvePoint> points = [];
        if (File.Exists(directory.EpochsFile))
        {
            using var reader = new StreamReader(directory.EpochsFile);
            points = CurvePoint.Read(reader, directory.EpochsFile);
        }
        return points.Count > 0 ? points : throw new SpikeformerException(ErrorKind.NotFound, $"{directory.Path} has no completed epochs", "Wait for the first evaluation");
    }

    /// <summary>Returns the job of the authors on the same data.</summary>
    private static string JobOf(RunDescription description) => RunDirectory.RecipeOf(description).Data.Kind switch
    {
        DataKind.DvsCifar10 => "dvscifar10",
        DataKind.DvsGesture => "dvsgesture",
        DataKind.ImageFolder => "imagenet",
        _ => throw new SpikeformerException(ErrorKind.Usage, $"The authors published no curves for the data of run {description.Run}",
            $"Name a job to compare with: --reference {string.Join('|', CurvePoint.Jobs)}"),
    };

    private static void Show(Terminal terminal, string path, IReadOnlyList<CurvePoint> run, IReadOnlyList<CurvePoint> authors)
    {
        (CurvePoint best, CurvePoint last) = (Best(run), run[^1]);
        CurvePoint? theirs = authors.Count > 0 ? Best(authors) : null;
        if (terminal.Json)
        {
            terminal.PrintJson(new
            {
                SchemaVersion = 1, File = path, Epochs = run.Count, BestTestAccuracy = best.TestAccuracy / 100, BestEpoch = best.Epoch, TestAccuracy = last.TestAccuracy / 100,
                Reference = theirs is null ? null : new { theirs.Job, BestTestAccuracy = theirs.TestAccuracy / 100, BestEpoch = theirs.Epoch },
            });
            return;
        }
        terminal.Print($"Drew {run.Count} epochs to {path}.");
        terminal.Print($"Best test accuracy {Percent(best)} in epoch {best.Epoch}, last {Percent(last)}" +
            (theirs is null ? "." : $"; the authors' best {Percent(theirs)} in epoch {theirs.Epoch}."));
    }

    private static CurvePoint Best(IReadOnlyList<CurvePoint> points) => points.Where(point => !double.IsNaN(point.TestAccuracy)).MaxBy(point => point.TestAccuracy) ?? points[^1];

    private static string Percent(CurvePoint point) => point.TestAccuracy.ToString("0.00", CultureInfo.InvariantCulture) + " %";
}
