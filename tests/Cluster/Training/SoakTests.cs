using System.Globalization;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>A long run whose workers join and leave all the time. The processes that stay do not grow, and the bits are those of the oracle.</summary>
public sealed class SoakTests : IDisposable
{
    private const int Workers = 4, Departures = 100, CheckpointEvery = 16, LeastSteps = 5000, StepsPerEpoch = 220;
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    /// <summary>Takes about 15 minutes: <c>--explicit only --filter-class '*SoakTests*'</c>.</summary>
    [Fact(Explicit = true)]
    public async Task Two_hundred_joins_and_leaves_and_three_hundred_saves_leave_memory_descriptors_and_processes_as_they_were()
    {
        using SiloProcess silo = await _runs.StartAsync("a", Workers);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        Recipe recipe = ClusterRuns.EndlessRecipe(stepsPerEpoch: StepsPerEpoch);
        await cluster.StartAsync(_runs.Spec(recipe, "soak", Workers) with { CheckpointEvery = CheckpointEvery });
        await ClusterRuns.AwaitFullGenerationAsync(cluster, "soak", Workers);
        RunStatus begun = await cluster.StatusAsync("soak");
        string lead = begun.Members.Single(member => member.Rank == 0).Worker;
        string[] others = [.. begun.Members.Select(member => member.Worker).Where(worker => worker != lead)];
        int leadProcess = (await cluster.WorkersAsync()).Single(worker => worker.Report.Info.Worker == lead).Report.Info.ProcessId;

        var seen = new List<(Footprint Silo, Footprint Lead)>();
        for (int i = 0; i < Departures; i++)
        {
            RunStatus before = await cluster.StatusAsync("soak");
            await WorkerSignals.SendAsync(cluster, others[i % others.Length], WorkerSignals.Terminate);
            // One generation without the worker, and one with it again.
            await ClusterRuns.AwaitGenerationAsync(cluster, "soak", before.Generation + 2);
            await ClusterRuns.AwaitFullGenerationAsync(cluster, "soak", Workers);
            seen.Add((Footprint.Of(silo.Endpoints.ProcessId), Footprint.Of(leadProcess)));
        }
        await ClusterRuns.AwaitStepAsync(cluster, "soak", LeastSteps);
        await cluster.StopAsync("soak");
        RunStatus stopped = await cluster.WaitAsync("soak");

        // Compilation, the collector's heap, and the allocator's arenas (up to one per thread) reach their size in the first half.
        Footprint[] silos = Halves(seen.Select(one => one.Silo)), leads = Halves(seen.Select(one => one.Lead));
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{stopped.Step} steps, {stopped.Generation} generations, {stopped.Step / CheckpointEvery} saves due; silo {silos[0]} -> {silos[1]}; lead {leads[0]} -> {leads[1]}"));
        Assert.InRange(stopped.Step, LeastSteps, long.MaxValue);
        Assert.Equal(Workers, silos[1].Children);
        Assert.InRange(silos[1].Descriptors, 0, silos[0].Descriptors + 4);
        Assert.InRange(leads[1].Descriptors, 0, leads[0].Descriptors + 4);
        Assert.InRange(leads[1].ResidentMegabytes, 0, leads[0].ResidentMegabytes * 1.05);
        Assert.InRange(silos[1].ResidentMegabytes, 0, silos[0].ResidentMegabytes * 1.05);
        OracleRun oracle = Oracle.Train(ClusterRuns.EndlessRecipe(stopped.Step, StepsPerEpoch));
        Assert.Equal(oracle.Digests.Take((int)stopped.Step), _runs.Steps("soak").Select(line => line.GetProperty("digest").GetString()!));
    }

    /// <summary>Returns the maximum of each half of the time.</summary>
    private static Footprint[] Halves(IEnumerable<Footprint> seen) => [.. seen.Chunk(Departures / 2).Select(half =>
        new Footprint(half.Max(one => one.ResidentMegabytes), half.Max(one => one.Descriptors), half.Max(one => one.Children)))];

    private sealed record Footprint(double ResidentMegabytes, int Descriptors, int Children)
    {
        public static Footprint Of(int process)
        {
            string resident = File.ReadLines($"/proc/{process}/status").Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
            int children = Directory.GetDirectories($"/proc/{process}/task").Sum(task => File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries).Length);
            return new(double.Parse(resident, CultureInfo.InvariantCulture) / 1024, Directory.GetFiles($"/proc/{process}/fd").Length, children);
        }
    }
}
