using Spectre.Console;
using Spikeformer.Checkpoints;
using Spikeformer.Cli.Sources;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>checkpoint list|inspect|verify|prune|pin|unpin</c>: the checkpoints of a run.</summary>
internal static class CheckpointVerb
{
    public static Command Create() => new("checkpoint", "Inspect, pin and remove the checkpoints of a run") { List(), Inspect(), Verify(), Prune(), Pin(), Unpin() };

    private static Command List() => OnStore("list", "List all checkpoints, newest first", (terminal, store) =>
    {
        IReadOnlyList<CheckpointEntry> entries = store.List();
        if (terminal.Json)
            terminal.PrintJson(new { SchemaVersion = 1, Checkpoints = entries.Select(Fields) });
        else
        {
            Table table = new Table().Border(TableBorder.Simple).AddColumns("checkpoint", "epoch", "test accuracy", "MiB", "marks", "problem");
            foreach (CheckpointEntry entry in entries)
                table.AddRow($"{entry.Id}", $"{entry.Info?.Epoch}", Accuracy(entry), FormattableString.Invariant($"{Bytes(entry) / 1048576.0:0.0}"),
                    string.Join(" ", new[] { entry.IsBest ? "best" : "", entry.IsPinned ? "pinned" : "" }.Where(mark => mark != "")),
                    Markup.Escape(entry.Problem?.Message ?? ""));
            terminal.Screen.Write(table);
        }
        return 0;
    });

    private static Command Inspect()
    {
        Option<long?> step = RunCheckpoints.StepOption();
        return OnStore("inspect", "Show the content of a checkpoint (default: the newest)", (terminal, store, parsed) =>
        {
            CheckpointEntry entry = Find(store, parsed.GetValue(step));
            if (entry.Problem is { } problem) throw problem;
            CheckpointInfo info = entry.Info!;
            if (terminal.Json)
            {
                terminal.PrintJson(new { SchemaVersion = 1, Checkpoint = info, Slices = entry.Manifest!.Slices });
                return 0;
            }
            Table table = new Table().Border(TableBorder.Simple).AddColumns("checkpoint", $"{entry.Id}")
                .AddRow("run", Markup.Escape(info.Run)).AddRow("epoch, step in it", $"{info.Epoch}, {info.StepInEpoch}")
                .AddRow("applied updates", $"{info.AppliedUpdates}").AddRow("step digest", info.StepDigest).AddRow("weights digest", info.WeightsDigest)
                .AddRow("recipe hash", info.RecipeHash).AddRow("data hash", info.DataHash);
            foreach ((string name, double value) in info.Metrics) table.AddRow(Markup.Escape(name), FormattableString.Invariant($"{value:g6}"));
            foreach (ManifestSlice slice in entry.Manifest!.Slices) table.AddRow(Markup.Escape(slice.File), $"{slice.Bytes} bytes, {slice.Tensors.Count} tensors");
            terminal.Screen.Write(table);
            return 0;
        }, step);
    }

    private static Command Verify()
    {
        Option<long?> step = RunCheckpoints.StepOption();
        return OnStore("verify", "Read checkpoints and compare their hashes; exit with 6 if one is damaged", (terminal, store, parsed) =>
        {
            IReadOnlyList<CheckpointEntry> entries = parsed.GetValue(step) is { } chosen ? [Find(store, chosen)] : store.List();
            var results = entries.Select(entry => (entry.Id, Problems: entry.Problem is { } problem ? [problem.Message] : store.Verify(entry.Id.Step, entry.Id.Lineage))).ToList();
            if (terminal.Json)
                terminal.PrintJson(new { SchemaVersion = 1, Checkpoints = results.Select(result => new { result.Id.Step, Sound = result.Problems.Count == 0, result.Problems }) });
            else
                foreach ((CheckpointId id, IReadOnlyList<string> problems) in results)
                    terminal.Print(problems.Count == 0 ? $"{id}: sound" : $"{id}: {string.Join("; ", problems)}");
            return results.All(result => result.Problems.Count == 0) ? 0 : (int)ErrorKind.CheckFailed;
        }, step);
    }

    private static Command Prune()
    {
        Option<int> keep = RunOptions.AtLeastOne(new Option<int>("--keep") { Description = "Sound checkpoints to keep in addition to the best and the pinned ones", HelpName = "N", DefaultValueFactory = _ => 2 });
        return OnStore("prune", "Remove old checkpoints", (terminal, store, parsed) =>
        {
            IReadOnlyList<CheckpointId> removed = store.Prune(parsed.GetValue(keep));
            if (terminal.Json) terminal.PrintJson(new { SchemaVersion = 1, Removed = removed.Select(id => id.Folder) });
            else terminal.Print(removed.Count == 0 ? "Nothing to remove." : $"Removed {string.Join(", ", removed)}.");
            return 0;
        }, keep);
    }

    private static Command Pin() => Mark("pin", "Keep a checkpoint until it is unpinned", isPinned: true, (store, id) => store.Pin(id.Step, id.Lineage));

    private static Command Unpin() =>
        Mark("unpin", "Allow the removal of a pinned checkpoint once newer ones replace it", isPinned: false, (store, id) => store.Unpin(id.Step, id.Lineage));

    private static Command Mark(string name, string description, bool isPinned, Action<CheckpointStore, CheckpointId> mark)
    {
        Option<long?> step = RunCheckpoints.StepOption();
        step.Required = true;
        return OnStore(name, description, (terminal, store, parsed) =>
        {
            CheckpointId id = Find(store, parsed.GetValue(step)).Id;
            mark(store, id);
            if (terminal.Json) terminal.PrintJson(new { SchemaVersion = 1, id.Step, id.Lineage, IsPinned = isPinned });
            else terminal.Print($"{id} is {(isPinned ? "pinned" : "not pinned")}.");
            return 0;
        }, step);
    }

    private static Command OnStore(string name, string description, Func<Terminal, CheckpointStore, int> action) =>
        OnStore(name, description, (terminal, store, _) => action(terminal, store));

    private static Command OnStore(string name, string description, Func<Terminal, CheckpointStore, ParseResult, int> action, params Option[] options)
    {
        Option<string?> @out = RunOptions.OutOfRun();
        var command = new Command(name, description) { @out };
        foreach (Option option in options) command.Add(option);
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            return action(terminal, RunCheckpoints.Open(new RunDirectory(parsed.GetValue(@out)!), terminal.Say), parsed);
        });
        return command;
    }

    private static CheckpointEntry Find(CheckpointStore store, long? step)
    {
        IReadOnlyList<CheckpointEntry> entries = store.List();
        return entries.FirstOrDefault(entry => step is null || entry.Id.Step == step)
            ?? throw new SpikeformerException(ErrorKind.NotFound, $"There is no checkpoint{(step is null ? "" : $" of step {step}")} in {store.Location}",
                entries.Count == 0 ? "Check --out" : $"Choose one of {string.Join(", ", entries.Select(entry => entry.Id))}");
    }

    private static object Fields(CheckpointEntry entry) => new
    {
        entry.Id.Step, entry.Id.Lineage, entry.Info?.Epoch, entry.Info?.Metrics, Bytes = Bytes(entry), entry.IsBest, entry.IsPinned, Problem = entry.Problem?.Message,
    };

    private static long Bytes(CheckpointEntry entry) => entry.Manifest?.Slices.Sum(slice => slice.Bytes) ?? 0;

    private static string Accuracy(CheckpointEntry entry) =>
        entry.Info?.Metrics.TryGetValue("testAccuracy", out double accuracy) == true ? FormattableString.Invariant($"{accuracy:0.0000}") : "";
}
