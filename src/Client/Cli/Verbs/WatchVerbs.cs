using System.Globalization;
using Spectre.Console;
using Spikeformer.Client;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>list</c>, <c>status</c>, <c>watch</c>, <c>events</c>, <c>logs</c>, <c>cluster status</c>: the verbs that only read. Ctrl-C detaches.</summary>
internal static class WatchVerbs
{
    public static Command CreateList() => ReadOnly("list", "List the runs of a cluster", [], async (terminal, cluster, _, cancellation) =>
    {
        IReadOnlyList<RunEntry> runs = await cluster.ListAsync(cancellation);
        if (terminal.Json)
        {
            terminal.PrintJson(new { SchemaVersion = 1, Runs = runs.Select(run => new { run.Run, State = StateNames.Of(run.State), run.Created, run.Workers, run.Step, run.TotalSteps }) });
            return;
        }
        Table table = new Table().Border(TableBorder.Simple).AddColumns("run", "state", "workers", "step", "created");
        foreach (RunEntry run in runs)
            table.AddRow(run.Run, StateNames.Of(run.State), Formats.Of(run.Workers), run.TotalSteps > 0 ? $"{run.Step}/{run.TotalSteps}" : Formats.Of(run.Step),
                run.Created.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture));
        terminal.Screen.Write(table);
    });

    public static Command CreateStatus()
    {
        Argument<string> run = ClusterOptions.Run();
        var shards = new Option<bool>("--shards") { Description = "Show the owner and the committed samples of each shard instead" };
        return ReadOnly("status", "Show the state of a run, its workers, and what it waits for", [run, shards], async (terminal, cluster, parsed, cancellation) =>
        {
            RunStatus status = await cluster.StatusAsync(parsed.GetRequiredValue(run), cancellation);
            if (!parsed.GetValue(shards)) StatusView.Show(terminal, status);
            else StatusView.Show(terminal, status, await Task.WhenAll(Enumerable.Range(0, status.Shards).Select(shard => cluster.ShardAsync(status.Run, shard, cancellation))));
        });
    }

    public static Command CreateWatch(Interruption interruption)
    {
        Argument<string> run = ClusterOptions.Run();
        return ReadOnly("watch", "Follow a run; with --json print one object for each step, evaluation and event", [run], async (terminal, cluster, parsed, _) =>
        {
            var follower = new RunFollower(terminal, TimeProvider.System);
            await cluster.ForEachNewsAsync(parsed.GetRequiredValue(run), news =>
            {
                if (!terminal.Json) follower.Show(news);
                else
                {
                    foreach (StepCommit commit in news.Commits) terminal.PrintJson(new { Type = "step", commit.Step, commit.Epoch, commit.Generation, commit.Loss, commit.LearningRate, commit.Digest });
                    foreach (EpochResult epoch in news.Epochs) terminal.PrintJson(new { Type = "epoch", epoch.Epoch, epoch.TrainLoss, epoch.TrainAccuracy, epoch.TestLoss, epoch.TestAccuracy, epoch.TestTop5, epoch.BestTestAccuracy });
                    foreach (ClusterEvent entry in news.Events) terminal.PrintJson(Event(entry));
                    if (RunStates.IsOver(news.Status.State)) terminal.PrintJson(new { Type = "end", State = StateNames.Of(news.Status.State), news.Status.Step });
                }
            }, interruption.Token);
        });
    }

    public static Command CreateEvents()
    {
        Argument<string> run = ClusterOptions.Run();
        return ReadOnly("events", "List the events of a run", [run], async (terminal, cluster, parsed, cancellation) =>
        {
            string name = parsed.GetRequiredValue(run);
            await cluster.StatusAsync(name, cancellation);
            foreach (ClusterEvent entry in (await cluster.NewsAsync(name, new(), cancellation)).Events)
                if (terminal.Json) terminal.PrintJson(Event(entry));
                else terminal.Print($"{entry.Time.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)}  {entry.Kind,-16} step {entry.Step,-7} {entry.Worker ?? entry.By,-12} {entry.Message}");
        });
    }

    public static Command CreateLogs()
    {
        var worker = new Argument<string>("worker") { Description = "Name of the worker, silo/slot; 'cluster status' lists the workers" };
        var lines = new Option<int>("--lines") { Description = "Number of lines", DefaultValueFactory = _ => 100 };
        return ReadOnly("logs", "Print the last lines of the log of a worker", [worker, lines], async (terminal, cluster, parsed, cancellation) =>
        {
            foreach (string line in await cluster.LogAsync(parsed.GetRequiredValue(worker), parsed.GetValue(lines), cancellation)) terminal.Print(line);
        });
    }

    public static Command CreateCluster() => new("cluster", "Inspect a cluster")
    {
        ReadOnly("status", "List the workers of a cluster", [], async (terminal, cluster, _, cancellation) =>
        {
            IReadOnlyList<WorkerStatus> workers = await cluster.WorkersAsync(cancellation);
            if (terminal.Json)
            {
                terminal.PrintJson(new
                {
                    SchemaVersion = 1,
                    Workers = workers.Select(worker => new
                    {
                        worker.Report.Info.Worker, worker.Report.Info.Device, worker.Report.Info.Address, worker.Report.Info.ProcessId,
                        Phase = StateNames.Of(worker.Report.Phase), worker.Report.Run, worker.Report.Step, worker.SecondsSinceReport,
                    }),
                });
                return;
            }
            Table table = new Table().Border(TableBorder.Simple).AddColumns("worker", "device", "process", "phase", "run", "step", "reported");
            foreach (WorkerStatus worker in workers)
                table.AddRow(worker.Report.Info.Worker, worker.Report.Info.Device, Formats.Of(worker.Report.Info.ProcessId), StateNames.Of(worker.Report.Phase),
                    worker.Report.Run ?? "", Formats.Of(worker.Report.Step), FormattableString.Invariant($"{worker.SecondsSinceReport:0.0} s ago"));
            terminal.Screen.Write(table);
        }),
    };

    private static object Event(ClusterEvent entry) => new { Type = "event", entry.Sequence, entry.Time, entry.Kind, entry.Step, entry.Message, entry.Worker, entry.By };

    private static Command ReadOnly(
        string verb, string description, IReadOnlyList<Symbol> symbols, Func<Terminal, SpikeformerCluster, ParseResult, CancellationToken, Task> read)
    {
        var cluster = new ClusterOptions();
        var command = new Command(verb, description);
        cluster.AddTo(command);
        foreach (Symbol symbol in symbols)
            if (symbol is Argument argument) command.Add(argument);
            else command.Add((Option)symbol);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using SpikeformerCluster connection = await cluster.ConnectAsync(parsed, cancellation);
            await read(Terminal.Of(parsed), connection, parsed, cancellation);
            return 0;
        });
        return command;
    }
}
