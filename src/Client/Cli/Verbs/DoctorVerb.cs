using Spectre.Console;
using Spikeformer.Cli.Doctor;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>doctor</c>: checks whether a run can work on this machine.</summary>
internal static class DoctorVerb
{
    public static Command Create()
    {
        var outOption = new Option<string>("--out")
        {
            Description = "Folder of the run directories", HelpName = "DIR", DefaultValueFactory = _ => "runs",
        };
        var command = new Command("doctor", "Check whether runs can work on this machine; exit with 6 if not") { outOption };
        command.SetAction(parsed => Show(Terminal.Of(parsed), [.. Checks.Run(parsed.GetRequiredValue(outOption))]));
        return command;
    }

    /// <summary>Prints the findings.</summary>
    /// <returns>The exit code.</returns>
    internal static int Show(Terminal terminal, IReadOnlyList<Finding> findings)
    {
        bool healthy = findings.All(finding => finding.Verdict != Verdict.Fail);
        if (terminal.Json)
            terminal.PrintJson(new
            {
                SchemaVersion = 1,
                Healthy = healthy,
                Checks = findings.Select(f => new { f.Check, Verdict = Text(f.Verdict), f.Found, f.Advice }),
            });
        else
        {
            Table table = new Table().Border(TableBorder.Simple).AddColumns("check", "", "found");
            foreach (Finding finding in findings)
                table.AddRow(
                    Markup.Escape(finding.Check),
                    $"[{Color(finding.Verdict)}]{Text(finding.Verdict)}[/]",
                    Markup.Escape(finding.Advice is null ? finding.Found : $"{finding.Found}. {finding.Advice}."));
            terminal.Screen.Write(table);
        }
        return healthy ? 0 : (int)ErrorKind.CheckFailed;
    }

    private static string Color(Verdict verdict) => verdict switch { Verdict.Pass => "green", Verdict.Warn => "yellow", _ => "red" };

    private static string Text(Verdict verdict) => verdict switch { Verdict.Pass => "PASS", Verdict.Warn => "WARN", _ => "FAIL" };
}
