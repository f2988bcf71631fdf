using Spikeformer.Client;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>start</c>, <c>resume</c>, <c>stop</c>, <c>cancel</c>: the verbs that change a run.</summary>
internal static class RunVerbs
{
    public static Command CreateStart(Interruption interruption)
    {
        Option<string> recipe = RunOptions.Recipe();
        Option<string[]> set = RecipeOptions.Set();
        Option<string?> name = new("--name") { Description = "Name of the run (default: the name of the recipe)", HelpName = "NAME" };
        Option<string?> data = RunOptions.Data(), @out = RunOptions.Out(), initFrom = RunOptions.InitFrom();
        var cluster = new ClusterOptions();
        Option<int> workers = RunOptions.Workers(), minWorkers = RunOptions.MinWorkers(), startEpoch = RunOptions.StartEpoch();
        Option<int?> every = RunOptions.CheckpointEvery();
        Option<string?> checkpoints = RunOptions.Checkpoints(), cache = RunOptions.Cache();
        Option<bool> wait = new("--wait") { Description = "Follow the run to its end; Ctrl-C detaches" };
        var command = new Command("start", "Start a run on a cluster and return") { recipe, set, name, data, @out, workers, minWorkers, every, checkpoints, initFrom, startEpoch, cache, wait };
        cluster.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            RunSpec spec = RunOptions.Spec(RecipeCatalogue.Load(parsed.GetRequiredValue(recipe), parsed.GetValue(set)), parsed.GetValue(data),
                parsed.GetValue(@out), parsed.GetValue(workers), parsed.GetValue(minWorkers), parsed.GetValue(every), parsed.GetValue(initFrom),
                parsed.GetValue(startEpoch), parsed.GetValue(checkpoints), parsed.GetValue(cache));
            if (parsed.GetValue(name) is { } given)
                spec = spec with { Name = given, OutDirectory = parsed.GetValue(@out) is null ? Path.GetFullPath(Path.Combine("runs", given)) : spec.OutDirectory };
            await using SpikeformerCluster connection = await cluster.ConnectAsync(parsed, cancellation);
            return await ShowAsync(Terminal.Of(parsed), connection, await connection.StartAsync(spec, cancellation), parsed.GetValue(wait), interruption);
        });
        return command;
    }

    public static Command CreateResume(Interruption interruption)
    {
        var run = new Argument<string?>("run") { Description = "Name of a run on a cluster", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> data = RunOptions.Data(), @out = RunOptions.OutOfRun(isRequired: false), cache = RunOptions.Cache();
        var cluster = new ClusterOptions();
        Option<int> workers = RunOptions.Workers(), minWorkers = RunOptions.MinWorkers();
        Option<int?> every = RunOptions.CheckpointEvery();
        Option<bool> wait = new("--wait") { Description = "Follow the run on a cluster to its end; Ctrl-C detaches" };
        Option<string[]> set = RecipeOptions.Set(), allowed = RunOptions.Override();
        var command = new Command("resume", "Continue a run from its newest sound checkpoint: RUN on a cluster, or the run in --out in the foreground")
        {
            run, @out, data, workers, minWorkers, every, cache, wait, set, allowed,
        };
        cluster.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            Terminal terminal = Terminal.Of(parsed);
            var changes = new RunChanges
            {
                Settings = parsed.GetValue(set) ?? [], DataPath = parsed.GetValue(data) is { } path ? Path.GetFullPath(path) : null,
                Overrides = [.. (parsed.GetValue(allowed) ?? []).SelectMany(names => names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))],
                Workers = parsed.GetValue(workers), MinWorkers = parsed.GetValue(minWorkers), CheckpointEvery = parsed.GetValue(every) ?? 0,
                CacheDirectory = parsed.GetValue(cache) is { } folder ? Path.GetFullPath(folder) : null,
            };
            if (parsed.GetValue(run) is { } name)
            {
                await using SpikeformerCluster connection = await cluster.ConnectAsync(parsed, cancellation);
                return await ShowAsync(terminal, connection, await connection.ResumeChangedAsync(name, changes, cancellation), parsed.GetValue(wait), interruption);
            }
            if (parsed.GetValue(@out) is not { } directory)
                throw new SpikeformerException(ErrorKind.Usage, "No run is named", "Name the run to resume: 'resume RUN', or 'resume --out DIR'");
            RunSpec spec = RunSpecs.ResumingChanged(directory, changes);
            return RunReport.Show(terminal, await EmbeddedRun.TrainAsync(terminal, spec, interruption), interruption);
        });
        return command;
    }

    public static Command CreateStop(Interruption interruption) =>
        Change("stop", "Save a checkpoint and stop a run; 'resume' continues it", (cluster, run, cancellation) => cluster.StopAsync(run, cancellation), interruption);

    public static Command CreateCancel(Interruption interruption) =>
        Change("cancel", "Cancel a run at once, without a checkpoint", (cluster, run, cancellation) => cluster.CancelAsync(run, cancellation), interruption);

    private static Command Change(
        string verb, string description, Func<SpikeformerCluster, string, CancellationToken, Task<RunStatus>> change, Interruption interruption)
    {
        Argument<string> run = ClusterOptions.Run();
        var cluster = new ClusterOptions();
        Option<bool> wait = new("--wait") { Description = "Wait for the end of the run" };
        var command = new Command(verb, description) { run, wait };
        cluster.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using SpikeformerCluster connection = await cluster.ConnectAsync(parsed, cancellation);
            string name = parsed.GetRequiredValue(run);
            RunStatus status = await change(connection, name, cancellation);
            if (parsed.GetValue(wait)) status = await connection.WaitAsync(name, interruption.Token);
            StatusView.ShowShort(Terminal.Of(parsed), status);
            return 0;
        });
        return command;
    }

    /// <summary>Shows a run that was started, or follows it to its end.</summary>
    private static async Task<int> ShowAsync(Terminal terminal, SpikeformerCluster cluster, RunStatus status, bool wait, Interruption interruption)
    {
        if (!wait)
        {
            StatusView.ShowShort(terminal, status);
            return 0;
        }
        var follower = new RunFollower(terminal, TimeProvider.System);
        RunStatus last = await cluster.ForEachNewsAsync(status.Run, follower.Show, interruption.Token);
        return RunReport.Show(terminal, last, interruption);
    }
}
