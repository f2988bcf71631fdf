using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.Contracts;

namespace Spikeformer.Benchmarks;

/// <summary>One of two workers is slowed down to a quarter of its speed. Measures how long it takes until shards move to the other worker, and how much of the
/// remaining capacity the run then uses.</summary>
internal static class StragglerBenchmark
{
    private const int Workers = 2, Slowness = 4;
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(10), Measured = TimeSpan.FromSeconds(15);

    /// <param name="Full">Steps per second with both workers at full speed.</param>
    /// <param name="Waiting">Steps per second while the fast worker waits for the slow one.</param>
    /// <param name="Moved">Steps per second after shards have moved.</param>
    /// <param name="MovedAfterSeconds">Seconds from the slowdown until shards have moved.</param>
    /// <param name="MovedAfterSteps">Steps from the slowdown until shards have moved.</param>
    /// <param name="Shards">Shards of each worker in the end.</param>
    private sealed record Figures(double Full, double Waiting, double Moved, double MovedAfterSeconds, long MovedAfterSteps, string Shards)
    {
        public double Ideal => Full * (Workers - 1 + 1.0 / Slowness) / Workers;
    }

    public static async Task<int> RunAsync(bool json)
    {
        Environment.SetEnvironmentVariable(EmbeddedCluster.ProgramVariable, SiloProgram.Path);
        string folder = Directory.CreateTempSubdirectory("spikeformer-straggler-").FullName;
        try
        {
            Figures figures = await MeasureAsync(folder);
            if (json) Console.WriteLine(JsonSerializer.Serialize(new { Machine = Machine.This(1), figures }));
            else Print(figures);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Figures> MeasureAsync(string folder)
    {
        await using EmbeddedCluster own = await EmbeddedCluster.StartAsync(folder, Workers);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(own.Address);
        await cluster.StartAsync(RecoveryBenchmark.Spec(folder, Workers, "shards=16", "batch=64"));
        var watch = new RunWatch(cluster, "run", Workers);
        await watch.SettleAsync();
        double full = await RateAsync();
        RunStatus even = await cluster.StatusAsync("run");
        int[] slow = await Signals.ProcessesAsync(cluster, even, ranks: Workers - 1);
        using var healed = new CancellationTokenSource();
        var slowness = new Thread(() => Slow(slow, healed.Token)) { IsBackground = true };
        slowness.Start();
        long began = Stopwatch.GetTimestamp();
        RunStatus status;
        do
        {
            await Task.Delay(Slice);
            status = await cluster.StatusAsync("run");
        }
        while (status.LastCommit is not { } commit || commit.Generation == even.Generation);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double waiting = (status.Step - even.Step) / seconds;
        // The coordinator may move more shards after it has seen the effect.
        await Task.Delay(Measured);
        double moved = await RateAsync();
        string shards = string.Join(" and ", (await cluster.StatusAsync("run")).Members.Where(member => member.Rank is not null).OrderBy(member => member.Rank)
            .Select(member => member.EndShard - member.FirstShard));
        await healed.CancelAsync();
        slowness.Join();
        await cluster.CancelAsync("run");
        return new(full, waiting, moved, seconds, status.Step - even.Step, shards);

        async Task<double> RateAsync()
        {
            RunStatus first = await cluster.StatusAsync("run");
            long start = Stopwatch.GetTimestamp();
            await Task.Delay(Measured);
            return ((await cluster.StatusAsync("run")).Step - first.Step) / Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    private static void Slow(int[] processes, CancellationToken healed)
    {
        while (!healed.IsCancellationRequested)
        {
            Signals.Send(Signals.Stop, processes);
            Thread.Sleep((Slowness - 1) * Slice);
            Signals.Send(Signals.Continue, processes);
            Thread.Sleep(Slice);
        }
    }

    private static void Print(Figures figures)
    {
        Machine machine = Machine.This(1);
        Console.WriteLine($"{machine.Processor}, {machine.Cores} cores, {machine.Runtime}; one of {Workers} workers {Slowness} times slower; steps per second");
        Console.WriteLine("| both at full speed | until shards move | moved after, s | moved after, steps | shards | steps per second then | of the ideal |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {figures.Full:0.0} | {figures.Waiting:0.0} | {figures.MovedAfterSeconds:0.0} | {figures.MovedAfterSteps} | {figures.Shards} | {figures.Moved:0.0} | {100 * figures.Moved / figures.Ideal:0} % |"));
    }
}
