using Spikeformer.Cli.Curves;
using Spikeformer.Files;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>report</c>: writes a self-contained page about a run.</summary>
internal static class ReportVerb
{
    public static Command Create()
    {
        Option<string?> @out = RunOptions.OutOfRun();
        var file = new Argument<string?>("file") { Description = "HTML file to write (default: report.html in the run directory)", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("report", "Write an HTML page with curves, checkpoints, events, numerics and recipe of a run") { @out, file };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            var directory = new RunDirectory(parsed.GetValue(@out)!);
            string run = directory.ReadDescription().Run;
            IReadOnlyList<CurvePoint> curve = PlotVerb.Read(directory);
            string path = Path.GetFullPath(parsed.GetValue(file) ?? Path.Combine(directory.Path, "report.html"));
            AtomicFile.WriteAllText(path, HtmlReport.Of(directory, curve, CurveFigure.Draw(run, curve, [])));
            if (terminal.Json) terminal.PrintJson(new { SchemaVersion = 1, File = path });
            else terminal.Print($"Wrote {path}.");
            return 0;
        });
        return command;
    }
}
