using Spectre.Console;
using Spikeformer.Diagnostics;

namespace Spikeformer.Cli.Shell;

/// <summary>The status of a run, as text or JSON.</summary>
internal static class StatusView
{
    /// <summary>Shows all of the status.</summary>
    public static void Show(Terminal terminal, RunStatus run)
    {
        SpikeformerException? failure = run.Failure?.ToException();
        if (terminal.Json)
        {
            terminal.PrintJson(new
            {
                SchemaVersion = 1, run.Run, State = StateNames.Of(run.State), run.Created, run.Changed, run.WaitingFor, run.Generation, run.Step, run.TotalSteps,
                run.StepsPerEpoch, run.Epochs, run.Shards, run.Workers, run.SamplesPerSecond, run.RecipeHash, run.OutDirectory,
                run.LastCommit?.Loss, run.LastCommit?.Digest, run.LastEpoch?.TestAccuracy, run.LastEpoch?.BestTestAccuracy, Failure = failure?.Message,
                Error = failure is null ? null : ErrorPrinter.Fields(failure),
                Members = run.Members.Select(member => new
                {
                    member.Worker, member.Device, member.Rank, member.FirstShard, member.EndShard, Phase = StateNames.Of(member.Phase), member.Step,
                    member.SecondsInPhase, member.SecondsSinceReport, member.SecondsPerShard, member.Capacity, member.LeftOut,
                }),
            });
            return;
        }
        Table table = new Table().Border(TableBorder.Simple).AddColumns("run", Markup.Escape(run.Run)).AddRow("state", StateNames.Of(run.State));
        if (failure is not null) table.AddRow("failure", Markup.Escape($"{run.Failure!.Worker}: {failure.Message}"));
        if (run.WaitingFor is { } awaited) table.AddRow("waiting for", Markup.Escape(awaited));
        foreach (MemberStatus member in run.Members.Where(member => member.LeftOut is not null)) table.AddRow("worker", Markup.Escape($"{member.Worker} is {member.LeftOut}"));
        table.AddRow("step", run.TotalSteps > 0 ? $"{run.Step}/{run.TotalSteps} (epoch {Math.Min(run.Step / run.StepsPerEpoch + 1, run.Epochs)}/{run.Epochs})" : $"{run.Step}");
        if (run.LastCommit is { } commit) table.AddRow("loss", Formats.Of(commit.Loss, "0.0000")).AddRow("step digest", commit.Digest);
        if (run.LastEpoch is { } epoch) table.AddRow("test accuracy", $"{Formats.Of(epoch.TestAccuracy, "0.0000")} (best {Formats.Of(epoch.BestTestAccuracy, "0.0000")})");
        table.AddRow("speed", $"{Formats.Of(run.SamplesPerSecond, "0")} samples/s").AddRow("generation", $"{run.Generation}").AddRow("directory", Markup.Escape(run.OutDirectory));
        terminal.Screen.Write(table);
        if (run.Members.Count == 0) return;
        Table members = new Table().Border(TableBorder.Simple).AddColumns("worker", "device", "rank", "shards", "phase", "step", "since", "reported");
        foreach (MemberStatus member in run.Members)
            members.AddRow(member.Worker, member.Device, member.Rank is { } rank ? $"{rank}" : "-",
                member.Rank is null ? "-" : $"{member.FirstShard}-{member.EndShard - 1}", StateNames.Of(member.Phase), $"{member.Step}",
                $"{Formats.Of(member.SecondsInPhase, "0.0")} s", $"{Formats.Of(member.SecondsSinceReport, "0.0")} s ago");
        terminal.Screen.Write(members);
    }

    /// <summary>Shows the shards of a run.</summary>
    public static void Show(Terminal terminal, RunStatus run, IReadOnlyList<ShardStatus> shards)
    {
        if (terminal.Json)
        {
            terminal.PrintJson(new
            {
                SchemaVersion = 1, run.Run,
                Shards = shards.Select(shard => new { shard.Shard, shard.Owner, shard.SecondsPerStep, shard.Epoch, CommittedInEpoch = shard.Committed.Count, shard.CommittedInAll }),
            });
            return;
        }
        Table table = new Table().Border(TableBorder.Simple).AddColumns("shard", "owner", "seconds per step", "epoch", "samples committed", "in all epochs");
        foreach (ShardStatus shard in shards)
            table.AddRow($"{shard.Shard}", shard.Owner ?? "-", Formats.Of(shard.SecondsPerStep, "0.000"), $"{shard.Epoch + 1}", $"{shard.Committed.Count}", $"{shard.CommittedInAll}");
        terminal.Screen.Write(table);
    }

    /// <summary>Shows one line, or one JSON object.</summary>
    public static void ShowShort(Terminal terminal, RunStatus run)
    {
        if (terminal.Json) terminal.PrintJson(new { SchemaVersion = 1, run.Run, State = StateNames.Of(run.State), run.Step, run.WaitingFor });
        else terminal.Print($"Run {run.Run} is {StateNames.Of(run.State)}{(run.Step > 0 ? $" at step {run.Step}" : "")}{(run.WaitingFor is { } awaited ? $": {awaited}" : "")}");
    }
}
