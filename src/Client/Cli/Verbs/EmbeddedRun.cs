using Spikeformer.Client;

namespace Spikeformer.Cli.Verbs;

/// <summary>A run in the foreground on its own cluster. The first Ctrl-C saves a checkpoint and stops the run, the second one aborts it.</summary>
internal static class EmbeddedRun
{
    /// <summary>Trains a run to its end or to the first signal.</summary>
    /// <param name="terminal">Gets the progress on standard error.</param>
    /// <param name="spec">The run.</param>
    /// <param name="interruption">The signals.</param>
    /// <param name="react">Gets all news, and may act on the run.</param>
    /// <returns>The status of the run after its end.</returns>
    public static async Task<RunStatus> TrainAsync(Terminal terminal, RunSpec spec, Interruption interruption, Func<SpikeformerCluster, RunNews, Task>? react = null)
    {
        // Mistakes that need no cluster are reported before one starts.
        Decision decision = RunTransitions.Start(new(), spec, default);
        if (decision.Refusal is { } refusal) throw refusal;
        if (!spec.IsResume) new RunDirectory(spec.OutDirectory).RequireNoRun();
        if (spec.DataPath is { } data && !Directory.Exists(data))
            throw new SpikeformerException(ErrorKind.NotFound, $"The data folder {data} does not exist", "Check --data");
        // All workers must read the same checkpoint of a run directory.
        if (spec is { IsResume: false, InitFrom: { } weights }) spec = spec with { InitFrom = InitialWeights.Read(weights).Path };
        int workers = spec.Workers > 0 ? spec.Workers : Math.Max(Math.Min(Environment.ProcessorCount, decision.Record.Shards), spec.MinWorkers);
        await using EmbeddedCluster silo = await EmbeddedCluster.StartAsync(spec.OutDirectory, workers, interruption.Token);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Address, interruption.Token);
        await cluster.StartAsync(spec with { Workers = workers }, interruption.Token);
        // The signal only requests the stop; the loop below follows the run to its end.
        using CancellationTokenRegistration stop = interruption.Token.Register(() => _ = cluster.StopAsync(spec.Name));
        var follower = new RunFollower(terminal, TimeProvider.System);
        RunStatus? last = null;
        await foreach (RunNews news in cluster.FollowAsync(spec.Name))
        {
            follower.Show(news);
            if (react is not null) await react(cluster, news);
            last = news.Status;
        }
        return last!;
    }
}
