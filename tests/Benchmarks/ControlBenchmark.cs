using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Placement;
using Orleans.Storage;
using Orleans.TestingHost;
using Spikeformer.Clustering;
using Spikeformer.Contracts;

namespace Spikeformer.Benchmarks;

/// <summary>
/// The real coordinator of one run, with many workers that only report, in one process. Messages are serialized as between processes, but there is no
/// network. All sizes have the same number of shards, so differences come from the number of workers. A shard has one owner: workers beyond the number
/// of shards follow as spares.
/// </summary>
internal static class ControlBenchmark
{
    private const int Shards = 256, Rounds = 10;
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromSeconds(0.25);

    /// <summary>Figures of one size.</summary>
    /// <param name="Workers">Number of workers.</param>
    /// <param name="JoinMs">Time until all first reports are answered, when all workers report at once.</param>
    /// <param name="PlanMs">Time until the last voter has the plan after it became ready.</param>
    /// <param name="AnnounceMs">Time until all workers have the plan, when all ask at once.</param>
    /// <param name="ReplaceMs">Time from the loss of a voter until all have the next plan. The others seal the generation, and all poll as workers do.</param>
    /// <param name="ReportUs">The coordinator's time for a report in steady state, when all workers report at once.</param>
    /// <param name="KilobytesPerWorker">Growth of this process's managed heap, for both sides of the calls together.</param>
    /// <param name="Retries">Reports that were not answered within 2 seconds and were repeated.</param>
    internal sealed record Row(int Workers, double JoinMs, double PlanMs, double AnnounceMs, double ReplaceMs, double ReportUs, double KilobytesPerWorker, int Retries);

    public static async Task RunAsync(int[] sizes, bool asJson)
    {
        // The first cluster includes the time of the compiler.
        await MeasureAsync(10);
        var rows = new List<Row>();
        foreach (int size in sizes) rows.Add(await MeasureAsync(size));
        if (asJson) Console.WriteLine(JsonSerializer.Serialize(new { Machine = Machine.This(1), Shards, Rows = rows }));
        else Print(rows);
    }

    private static async Task<Row> MeasureAsync(int size)
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddPlacementDirector<ControlPlacement, OnlyDirector>();
            silo.Services.AddSingleton<IGrainStorageSerializer, Json>();
            silo.AddMemoryGrainStorage(ClusterNames.RunStorage);
        });
        await using InProcessTestCluster cluster = builder.Build();
        await cluster.DeployAsync();
        IRunGrain run = cluster.Client.GetGrain<IRunGrain>("run");
        CommandReply reply = await run.Start(new() { Id = Guid.NewGuid() }, new()
        {
            Name = "run", Recipe = Recipe, OutDirectory = "/runs/run", Workers = Math.Min(size, Shards), StartGraceSeconds = 600,
        });
        if (reply.Refusal is { } refusal) throw new InvalidOperationException(refusal);
        await Task.WhenAll(Enumerable.Range(0, Shards).Select(shard => cluster.Client.GetGrain<IShardGrain>($"run/{shard}").Status()));

        long before = GC.GetTotalMemory(forceFullCollection: true);
        Worker[] workers = [.. Enumerable.Range(0, size).Select(i => new Worker(run, i))];
        Worker[] voters = [.. workers.Take(Shards)], spares = workers[voters.Length..];
        double join = await TimeAsync(() => AllAsync(workers, worker => worker.ReportAsync(WorkerPhase.Preparing)));
        await AllAsync(voters[..^1], worker => worker.ReportAsync(WorkerPhase.Ready));
        double plan = await TimeAsync(() => voters[^1].ReportAsync(WorkerPhase.Ready));
        double announce = await TimeAsync(() => AllAsync(workers, worker => worker.ReportAsync(WorkerPhase.Ready)));
        Require(workers, number: 1);

        double report = await TimeAsync(async () =>
        {
            for (int round = 0; round < Rounds; round++) await AllAsync(workers, worker => worker.ReportAsync(WorkerPhase.Computing, step: round));
        }) / Rounds / size;
        double kilobytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / 1024.0 / size;

        await AllAsync(spares, worker => worker.ReportAsync(WorkerPhase.Following));
        Worker[] survivors = [.. voters[..^1], .. spares];
        double replace = await TimeAsync(() => AllAsync(survivors, async worker =>
        {
            WorkerPhase phase = spares.Contains(worker) ? WorkerPhase.Following : WorkerPhase.Sealed;
            await worker.ReportAsync(phase, lost: voters[^1].Name);
            while (worker.Plan!.Number == 1)
            {
                await Task.Delay(s_pollInterval);
                await worker.ReportAsync(phase);
            }
        }));
        Require(survivors, number: 2);
        return new(size, join, plan, announce, replace, 1000 * report, kilobytes, workers.Sum(worker => worker.Retries));
    }

    private static void Require(Worker[] workers, long number)
    {
        if (workers.Any(worker => worker.Plan?.Number != number)) throw new InvalidOperationException($"Not all hold generation {number}: {string.Join(", ", workers.CountBy(worker => worker.Plan?.Number ?? 0))}");
    }

    private static Task AllAsync(Worker[] workers, Func<Worker, Task> act) => Task.WhenAll(workers.Select(act));

    private static async Task<double> TimeAsync(Func<Task> act)
    {
        long start = Stopwatch.GetTimestamp();
        await act();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static void Print(List<Row> rows)
    {
        Machine machine = Machine.This(1);
        Console.WriteLine($"{machine.Processor}, {machine.Cores} cores, {machine.Runtime}; one run of {Shards} shards, coordinator and workers in one process");
        Console.WriteLine();
        Console.WriteLine("| workers | voters | join, ms | plan, ms | announce, ms | replace a lost voter, ms | report, us | KB per worker | retries |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (Row row in rows)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {row.Workers} | {Math.Min(row.Workers, Shards)} | {row.JoinMs:F0} | {row.PlanMs:F1} | {row.AnnounceMs:F0} ") +
                string.Create(CultureInfo.InvariantCulture, $"| {row.ReplaceMs:F0} | {row.ReportUs:F0} | {row.KilobytesPerWorker:F1} | {row.Retries} |"));
    }

    private static string Recipe => $$"""
        { "name": "control", "seed": 1, "epochs": 1, "batch": {{Shards}}, "shards": {{Shards}}, "batchNorm": "shard",
          "model": { "neuron": "plif", "kernel": 3, "strides": [2, 1, 2, 1], "width": 64, "depth": 1, "heads": 4, "mlpRatio": 2, "dropPath": 0 },
          "data": { "kind": "synthetic", "timeSteps": 4, "framesBy": "number", "canvas": [32, 32], "trainSamples": 704, "testSamples": 176 },
          "optimizer": { "kind": "adam", "weightDecay": 1e-4 },
          "schedule": [{ "from": 0, "base": 4e-3, "kind": "cosine", "warmup": 1 }] }
        """;

    private sealed class Worker(IRunGrain run, int number)
    {
        private static readonly Dictionary<string, string> s_fingerprint = Enumerable.Range(0, 12).ToDictionary(i => $"field{i}", i => $"{i}{new string('f', 32)}");
        private long _sequence;

        public string Name { get; } = $"node-{number / 8}/{number % 8}";
        public GenerationPlan? Plan { get; private set; }
        public int Retries { get; private set; }

        public async Task ReportAsync(WorkerPhase phase, long step = 0, params string[] lost)
        {
            var report = new MemberReport
            {
                Info = new() { Worker = Name, Incarnation = (ulong)number + 1, Device = "cpu:0", Address = $"10.0.{number / 250}.{number % 250}:12000", HostId = Name },
                Sequence = ++_sequence, Phase = phase, Step = step, Fingerprint = s_fingerprint, Lost = lost, StepsPerEpoch = 1, TrainSamples = 704,
                Generation = Plan?.Number ?? 0, Nonce = Plan?.Nonce ?? default, Known = Plan?.Nonce ?? default,
            };
            while (true)
                try
                {
                    MemberOrder order = await run.Report(report);
                    if (!order.IsPlanKnown) Plan = order.Plan;
                    return;
                }
                catch (TimeoutException)
                {
                    Retries++;
                }
        }
    }

    private sealed class OnlyDirector : IPlacementDirector
    {
        public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context) =>
            Task.FromResult(context.GetCompatibleSilos(target)[0]);
    }

    /// <summary>Writes records as JSON, as in production.</summary>
    private sealed class Json : IGrainStorageSerializer
    {
        public BinaryData Serialize<T>(T? input) => new(JsonSerializer.SerializeToUtf8Bytes(input));

        public T Deserialize<T>(BinaryData input) => JsonSerializer.Deserialize<T>(input)!;
    }
}
