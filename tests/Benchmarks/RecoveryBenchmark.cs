using System.Globalization;
using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.Contracts;

namespace Spikeformer.Benchmarks;

/// <summary>Kills and freezes worker processes of a real run and measures the time to the next committed step. For comparison it also restarts all workers from
/// the last checkpoint, as simple trainers do.</summary>
internal static class RecoveryBenchmark
{
    private const int CheckpointEvery = 100;

    /// <param name="WorldSize">W, the number of workers.</param>
    /// <param name="Step">S, the median milliseconds between undisturbed commits.</param>
    /// <param name="Killed">Milliseconds from each SIGKILL to the next commit.</param>
    /// <param name="Joined">Longest time between two commits after that, until all workers train again.</param>
    /// <param name="Frozen">Milliseconds from each SIGSTOP to the next commit.</param>
    /// <param name="Restarted">Milliseconds from SIGKILL of all workers to the first new step.</param>
    private sealed record Row(int WorldSize, double Step, double[] Killed, double[] Joined, double[] Frozen, double[] Restarted);

    public static async Task<int> RunAsync(int[] worldSizes, int kills, int freezes, int restarts, bool json)
    {
        Environment.SetEnvironmentVariable(EmbeddedCluster.ProgramVariable, SiloProgram.Path);
        var rows = new List<Row>();
        foreach (int worldSize in worldSizes) rows.Add(await MeasureAsync(worldSize, kills, freezes, restarts));
        if (json) Console.WriteLine(JsonSerializer.Serialize(new { Machine = Machine.This(1), Rows = rows }));
        else Print(rows);
        return 0;
    }

    private static async Task<Row> MeasureAsync(int worldSize, int kills, int freezes, int restarts)
    {
        string folder = Directory.CreateTempSubdirectory("spikeformer-recovery-").FullName;
        try
        {
            await using EmbeddedCluster own = await EmbeddedCluster.StartAsync(folder, worldSize);
            await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(own.Address);
            await cluster.StartAsync(Spec(folder, worldSize));
            var watch = new RunWatch(cluster, "run", worldSize);
            var random = new Random(worldSize);
            await watch.SettleAsync();
            double step = watch.MedianStep();
            double[] killed = new double[kills], joined = new double[kills], frozen = new double[freezes], restarted = new double[restarts];
            for (int i = 0; i < kills; i++)
            {
                (killed[i], DateTimeOffset wentOn) = await watch.AccidentAsync(async run => Signals.Send(Signals.Kill, await ProcessesAsync(run, random.Next(worldSize))));
                await watch.SettleAsync();
                joined[i] = await watch.LongestGapAsync(wentOn);
            }
            for (int i = 0; i < freezes; i++)
            {
                int[] victims = [];
                (frozen[i], _) = await watch.AccidentAsync(async run => Signals.Send(Signals.Stop, victims = await ProcessesAsync(run, random.Next(worldSize))));
                Signals.Send(Signals.Continue, victims);
            }
            for (int i = 0; i < restarts; i++) (restarted[i], _) = await watch.AccidentAsync(async run => Signals.Send(Signals.Kill, await ProcessesAsync(run, [.. Enumerable.Range(0, worldSize)])));
            await cluster.CancelAsync("run");
            return new(worldSize, step, killed, joined, frozen, restarted);

            Task<int[]> ProcessesAsync(RunStatus run, params int[] ranks) => Signals.ProcessesAsync(cluster, run, ranks);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Starts a run that is long enough for all failures.</summary>
    public static RunSpec Spec(string folder, int worldSize, params string[] changes) => RunSpecs.OfRecipe("demo", ["epochs=100000", "shards=8", "data.testSamples=22", "batchNorm=shard", .. changes]) with
    {
        Name = "run",
        OutDirectory = Path.Combine(folder, "run"),
        Workers = worldSize,
        StartGraceSeconds = 60,
        CheckpointEvery = CheckpointEvery,
    };

    private static void Print(IReadOnlyList<Row> rows)
    {
        Machine machine = Machine.This(1);
        Console.WriteLine($"{machine.Processor}, {machine.Cores} cores, {machine.Runtime}; {rows[0].Killed.Length} kills, {rows[0].Frozen.Length} freezes, {rows[0].Restarted.Length} restarts; times in ms, median and worst");
        Console.WriteLine("| W | S | kill -9 | goal 3 S + 300 | slowest step until it is back | SIGSTOP | goal 2000 + 3 S | restart of all | restart / kill |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (Row row in rows)
        {
            string ratio = row is { Killed.Length: > 0, Restarted.Length: > 0 } ? (RunWatch.Median(row.Restarted) / RunWatch.Median(row.Killed)).ToString("0.0", CultureInfo.InvariantCulture) : "";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {row.WorldSize} | {row.Step:0} | {Both(row.Killed)} | {3 * row.Step + 300:0} | {Both(row.Joined)} | {Both(row.Frozen)} | {3 * row.Step + 2000:0} | {Both(row.Restarted)} | {ratio} |"));
        }
    }

    /// <summary>Formats the median and the worst value.</summary>
    public static string Both(double[] times) => times.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{RunWatch.Median(times):0}, {times.Max():0}");
}
