using System.Globalization;
using Spectre.Console;
using Spikeformer.Runs;

namespace Spikeformer.Client;

/// <summary>How a run ended, as a table or as one JSON object.</summary>
internal static class RunReport
{
    /// <summary>Prints the end of a run.</summary>
    /// <returns>The exit code: 0, or the signal's when the run was stopped by one.</returns>
    public static int Show(Terminal terminal, RunSummary run, Interruption interruption)
    {
        if (terminal.Json)
            terminal.PrintJson(new
            {
                SchemaVersion = 1,
                run.Run,
                State = StateName(run.State),
                run.Epoch,
                run.Step,
                run.Loss,
                run.TestAccuracy,
                run.TestTop5,
                run.BestTestAccuracy,
                run.SamplesPerSecond,
                run.StepDigest,
                run.WeightsDigest,
                run.Checkpoint,
            });
        else
            terminal.Screen.Write(new Table().Border(TableBorder.Simple).AddColumns("run", run.Run)
                .AddRow("state", StateName(run.State))
                .AddRow("epochs, steps", $"{run.Epoch}, {run.Step}")
                .AddRow("training loss", Number(run.Loss, "0.0000"))
                .AddRow("test accuracy", $"{Number(run.TestAccuracy, "0.0000")} (best {Number(run.BestTestAccuracy, "0.0000")}, top-5 {Number(run.TestTop5, "0.0000")})")
                .AddRow("speed", $"{Number(run.SamplesPerSecond, "0")} samples/s")
                .AddRow("step digest", run.StepDigest)
                .AddRow("weights digest", run.WeightsDigest)
                .AddRow("checkpoint", Markup.Escape(run.Checkpoint ?? "none")));
        return run.State == RunEnding.Completed ? 0 : interruption.ExitCode;
    }

    private static string StateName(RunEnding state) => state.ToString().ToLowerInvariant();

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
