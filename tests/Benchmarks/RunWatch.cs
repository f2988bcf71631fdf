using Spikeformer.Client;
using Spikeformer.Contracts;

namespace Spikeformer.Benchmarks;

/// <summary>Follows the commits of a run through failures. Times are the workers' own time stamps of their commits.</summary>
/// <param name="cluster">The cluster.</param>
/// <param name="run">Name of the run.</param>
/// <param name="worldSize">Number of workers in undisturbed training.</param>
internal sealed class RunWatch(SpikeformerCluster cluster, string run, int worldSize)
{
    private const int SettledSteps = 30;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly List<StepCommit> _commits = [];
    private NewsPosition _position = new();

    /// <summary>Waits until all workers have trained together for some steps.</summary>
    public async Task<RunStatus> SettleAsync()
    {
        while (true)
        {
            RunStatus status = await ReadAsync();
            bool isWhole = status.Members.Count(member => member.Rank is not null) == worldSize;
            if (isWhole && _commits.Count(commit => commit.Generation == status.Generation) >= SettledSteps) return status;
            await Task.Delay(Poll);
        }
    }

    /// <summary>Returns the median milliseconds between the last commits.</summary>
    public double MedianStep()
    {
        StepCommit[] last = [.. _commits.TakeLast(SettledSteps)];
        return Median([.. last.Zip(last.Skip(1), (one, next) => (next.Time - one.Time).TotalMilliseconds)]);
    }

    /// <summary>Causes a failure when all workers train, and waits until the run continues.</summary>
    /// <param name="strike">Causes the failure; receives the run's status.</param>
    /// <returns>Milliseconds to the next new step in another generation, and the time of its commit.</returns>
    public async Task<(double Milliseconds, DateTimeOffset WentOn)> AccidentAsync(Func<RunStatus, Task> strike)
    {
        RunStatus before = await SettleAsync();
        DateTimeOffset began = DateTimeOffset.UtcNow;
        await strike(before);
        while (true)
        {
            await ReadAsync();
            // After a restart from a checkpoint, steps are repeated. Only the first new step counts.
            long reached = _commits.Where(commit => commit.Generation <= before.Generation).Max(commit => commit.Step);
            if (_commits.FirstOrDefault(commit => commit.Generation > before.Generation && commit.Time > began && commit.Step > reached) is { } next)
                return ((next.Time - began).TotalMilliseconds, next.Time);
            await Task.Delay(Poll);
        }
    }

    /// <summary>Returns the longest time between two commits of the same epoch, which excludes evaluations.</summary>
    /// <param name="since">Start of the period.</param>
    /// <param name="until">End of the period; by default now.</param>
    public async Task<double> LongestGapAsync(DateTimeOffset since, DateTimeOffset? until = null)
    {
        await ReadAsync();
        StepCommit[] commits = [.. _commits.Where(commit => commit.Time >= since && commit.Time <= (until ?? DateTimeOffset.MaxValue)).OrderBy(commit => commit.Step)];
        return commits.Zip(commits.Skip(1)).Where(pair => pair.First.Epoch == pair.Second.Epoch).Max(pair => (pair.Second.Time - pair.First.Time).TotalMilliseconds);
    }

    public static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    private async Task<RunStatus> ReadAsync()
    {
        RunNews news = await cluster.NewsAsync(run, _position);
        if (RunStates.IsOver(news.Status.State)) throw new InvalidOperationException($"The run is {news.Status.State}: {news.Status.Failure?.Message}");
        _commits.AddRange(news.Commits);
        _position = _position with { Step = news.Commits.Count > 0 ? news.Commits[^1].Step : _position.Step };
        return news.Status;
    }
}
