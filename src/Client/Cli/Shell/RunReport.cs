using Spectre.Console;

namespace Spikeformer.Cli.Shell;

/// <summary>The end of a run, as a table or as one JSON object.</summary>
internal static class RunReport
{
    /// <summary>Prints the end of a run.</summary>
    /// <returns>The exit code: 0, or that of the signal that stopped the run.</returns>
    /// <exception cref="SpikeformerException">The run failed or was cancelled.</exception>
    public static int Show(Terminal terminal, RunStatus run, Interruption interruption)
    {
        if (run.Failure is { } failure)
            throw new SpikeformerException((ErrorKind)failure.ExitCode,
                $"Run {run.Run} failed on worker {failure.Worker}{(failure.Step is { } step ? $" in step {step}" : "")}: {failure.Message}", failure.Remedy,
                failure.Details is { } details ? new InvalidOperationException($"On worker {failure.Worker}: {details}") : null);
        if (run.Outcome is not { } outcome)
        {
            if (interruption.ExitCode == 0 && run.State is not RunState.Stopped)
                throw new SpikeformerException(ErrorKind.Failed, $"Run {run.Run} is {StateNames.Of(run.State)}", "'resume' continues it from its newest checkpoint");
            terminal.Say($"Run {run.Run} is {StateNames.Of(run.State)}.");
            return interruption.ExitCode;
        }
        if (terminal.Json)
            terminal.PrintJson(new
            {
                SchemaVersion = 1,
                run.Run,
                State = StateNames.Of(run.State),
                outcome.Epoch,
                outcome.Step,
                outcome.Loss,
                outcome.TestAccuracy,
                outcome.TestTop5,
                outcome.BestTestAccuracy,
                outcome.SamplesPerSecond,
                outcome.StepDigest,
                outcome.WeightsDigest,
                outcome.Checkpoint,
            });
        else
            terminal.Screen.Write(new Table().Border(TableBorder.Simple).AddColumns("run", run.Run)
                .AddRow("state", StateNames.Of(run.State))
                .AddRow("epochs, steps", $"{outcome.Epoch}, {outcome.Step}")
                .AddRow("training loss", Formats.Of(outcome.Loss, "0.0000"))
                .AddRow("test accuracy", $"{Formats.Of(outcome.TestAccuracy, "0.0000")} (best {Formats.Of(outcome.BestTestAccuracy, "0.0000")}, top-5 {Formats.Of(outcome.TestTop5, "0.0000")})")
                .AddRow("speed", $"{Formats.Of(outcome.SamplesPerSecond, "0")} samples/s")
                .AddRow("step digest", outcome.StepDigest)
                .AddRow("weights digest", outcome.WeightsDigest)
                .AddRow("checkpoint", Markup.Escape(outcome.Checkpoint ?? "none")));
        return run.State is RunState.Completed ? 0 : interruption.ExitCode;
    }
}
