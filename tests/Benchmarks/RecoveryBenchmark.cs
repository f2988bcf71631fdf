using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.Contracts;

namespace Spikeformer.Benchmarks;

/// <summary>Kills and freezes workers of a real run, each process its own, and takes the time to the next committed step. Beside it what
/// trainers do that have no better way: all workers start again, from the last checkpoint.</summary>
internal static class RecoveryBenchmark
{
    private const int Kill = 9, Continue = 18, Stop = 19, SettledSteps = 30, CheckpointEvery = 100;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    /// <param name="WorldSize">W.</param>
    /// <param name="Step">S: median milliseconds between commits that nothing disturbs.</param>
    /// <param name="Killed">Milliseconds from SIGKILL to the next commit, each.</param>
    /// <param name="Frozen">The same from SIGSTOP.</param>
    /// <param name="Restarted">From SIGKILL of all workers to the first commit beyond those there were.</param>
    private sealed record Row(int WorldSize, double Step, double[] Killed, double[] Frozen, double[] Restarted);

    public static async Task<int> RunAsync(int[] worldSizes, int accidents, bool json)
    {
        Environment.SetEnvironmentVariable(EmbeddedCluster.ProgramVariable, AppContext.BaseDirectory.Replace("/tests/Benchmarks/", "/src/Silo/") + "spikeformer-silo.dll");
        var rows = new List<Row>();
        foreach (int worldSize in worldSizes) rows.Add(await MeasureAsync(worldSize, accidents));
        if (json) Console.WriteLine(JsonSerializer.Serialize(new { Machine = Machine.This(1), Rows = rows }));
        else Print(rows);
        return 0;
    }

    private static async Task<Row> MeasureAsync(int worldSize, int accidents)
    {
        string folder = Directory.CreateTempSubdirectory("spikeformer-recovery-").FullName;
        try
        {
            await using EmbeddedCluster own = await EmbeddedCluster.StartAsync(folder, worldSize);
            await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(own.Address);
            await cluster.StartAsync(RunSpecs.OfRecipe("demo", ["epochs=100000", "shards=8", "data.testSamples=22", "batchNorm=shard"]) with
            {
                Name = "run", OutDirectory = folder, Workers = worldSize, StartGraceSeconds = 60, CheckpointEvery = CheckpointEvery,
            });
            var watch = new Watch(cluster, worldSize);
            var random = new Random(worldSize);
            double[] killed = new double[accidents], frozen = new double[accidents], restarted = new double[accidents];
            await watch.SettleAsync();
            double step = watch.MedianStep();
            for (int i = 0; i < accidents; i++)
            {
                killed[i] = await watch.AccidentAsync([random.Next(worldSize)], Kill);
                frozen[i] = await watch.AccidentAsync([random.Next(worldSize)], Stop);
                restarted[i] = await watch.AccidentAsync([.. Enumerable.Range(0, worldSize)], Kill);
            }
            await cluster.CancelAsync("run");
            return new(worldSize, step, killed, frozen, restarted);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Print(IReadOnlyList<Row> rows)
    {
        Machine machine = Machine.This(1);
        Console.WriteLine($"{machine.Processor}, {machine.Cores} cores, {machine.Runtime}; accidents of each kind: {rows[0].Killed.Length}; times in ms, median and worst");
        Console.WriteLine("| W | S | kill -9 | goal 3 S + 300 | SIGSTOP | goal 2000 + 3 S | restart of all | restart / kill |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (Row row in rows)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {row.WorldSize} | {row.Step:0} | {Both(row.Killed)} | {3 * row.Step + 300:0} | {Both(row.Frozen)} | {3 * row.Step + 2000:0} | {Both(row.Restarted)} | {Median(row.Restarted) / Median(row.Killed):0.0} |"));
    }

    private static string Both(double[] times) => string.Create(CultureInfo.InvariantCulture, $"{Median(times):0}, {times.Max():0}");

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    /// <summary>Follows the commits of the run.</summary>
    private sealed class Watch(SpikeformerCluster cluster, int worldSize)
    {
        private readonly List<StepCommit> _commits = [];
        private NewsPosition _position = new();

        /// <summary>Waits until all workers train together, and have done so for some steps.</summary>
        public async Task SettleAsync()
        {
            while (true)
            {
                RunStatus status = await ReadAsync();
                bool isWhole = status.Members.Count(member => member.Rank is not null) == worldSize;
                if (isWhole && _commits.Count(commit => commit.Generation == status.Generation) >= SettledSteps) return;
                await Task.Delay(Poll);
            }
        }

        public double MedianStep()
        {
            StepCommit[] last = [.. _commits.TakeLast(SettledSteps)];
            return Median([.. last.Zip(last.Skip(1), (one, next) => (next.Time - one.Time).TotalMilliseconds)]);
        }

        /// <summary>Lets something happen to some ranks, and waits until the run has gone on without them, and is whole again.</summary>
        /// <returns>Milliseconds to the next commit of another generation that is beyond those there were.</returns>
        public async Task<double> AccidentAsync(int[] ranks, int signal)
        {
            await SettleAsync();
            RunStatus before = await ReadAsync();
            IReadOnlyList<WorkerStatus> workers = await cluster.WorkersAsync();
            int[] victims = [.. from member in before.Members where member.Rank is { } rank && ranks.Contains(rank)
                                select workers.Single(worker => worker.Report.Info.Worker == member.Worker).Report.Info.ProcessId];
            DateTimeOffset began = DateTimeOffset.UtcNow;
            Signal(victims, signal);
            StepCommit? next;
            while ((next = _commits.FirstOrDefault(commit => commit.Generation > before.Generation && commit.Time > began)) is null)
            {
                await Task.Delay(Poll);
                await ReadAsync();
            }
            if (signal == Stop) Signal(victims, Continue);
            // After a restart the steps since the checkpoint come once more; what counts is the first that there had not been.
            long reached = _commits.Where(commit => commit.Generation == before.Generation).Max(commit => commit.Step);
            while (next.Step <= reached)
            {
                await Task.Delay(Poll);
                await ReadAsync();
                next = _commits.FirstOrDefault(commit => commit.Generation > before.Generation && commit.Step > reached) ?? next;
            }
            return (next.Time - began).TotalMilliseconds;
        }

        private async Task<RunStatus> ReadAsync()
        {
            RunNews news = await cluster.NewsAsync("run", _position);
            if (RunStates.IsOver(news.Status.State)) throw new InvalidOperationException($"The run is {news.Status.State}: {news.Status.Failure?.Message}");
            _commits.AddRange(news.Commits);
            _position = _position with { Step = news.Commits.Count > 0 ? news.Commits[^1].Step : _position.Step };
            return news.Status;
        }

        private static void Signal(int[] processes, int signal)
        {
            using Process kill = Process.Start("kill", [string.Create(CultureInfo.InvariantCulture, $"-{signal}"), .. processes.Select(process => $"{process}")]);
            kill.WaitForExit();
        }
    }
}
