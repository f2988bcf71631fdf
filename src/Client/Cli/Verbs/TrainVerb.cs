namespace Spikeformer.Cli.Verbs;

/// <summary><c>train</c>: trains in the foreground, on a cluster that lives as long as the command.</summary>
internal static class TrainVerb
{
    public static Command Create(Interruption interruption)
    {
        Option<string> recipe = RunOptions.Recipe();
        Option<string[]> set = RecipeOptions.Set();
        Option<string?> data = RunOptions.Data(), @out = RunOptions.Out(), initFrom = RunOptions.InitFrom();
        Option<int> workers = RunOptions.Workers(), minWorkers = RunOptions.MinWorkers(), startEpoch = RunOptions.StartEpoch();
        Option<int?> every = RunOptions.CheckpointEvery();
        Option<string?> checkpoints = RunOptions.Checkpoints(), cache = RunOptions.Cache();
        var command = new Command("train", "Train a recipe in the foreground; Ctrl-C saves a checkpoint and stops") { recipe, set, data, @out, workers, minWorkers, every, checkpoints, initFrom, startEpoch, cache };
        command.SetAction(async (parsed, _) =>
        {
            Terminal terminal = Terminal.Of(parsed);
            RunSpec spec = RunOptions.Spec(RecipeCatalogue.Load(parsed.GetRequiredValue(recipe), parsed.GetValue(set)), parsed.GetValue(data),
                parsed.GetValue(@out), parsed.GetValue(workers), parsed.GetValue(minWorkers), parsed.GetValue(every), parsed.GetValue(initFrom),
                parsed.GetValue(startEpoch), parsed.GetValue(checkpoints), parsed.GetValue(cache));
            return RunReport.Show(terminal, await EmbeddedRun.TrainAsync(terminal, spec, interruption), interruption);
        });
        return command;
    }
}
