using System.Globalization;
using Spikeformer.Client;
using Spikeformer.Contracts;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Cluster;

/// <summary>A long run whose workers come and go all the time: who stays keeps its size, and the bits are those of the oracle.</summary>
public sealed class SoakTests : IDisposable
{
    private const int Workers = 4, Departures = 100, Settled = 20, CheckpointEvery = 16, LeastSteps = 5000;
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    /// <summary>Takes a quarter of an hour: <c>--explicit only --filter-class '*SoakTests*'</c>.</summary>
    [Fact(Explicit = true)]
    public async Task Two_hundred_joins_and_leaves_and_three_hundred_saves_leave_memory_descriptors_and_processes_as_they_were()
    {
        using SiloProcess silo = await _runs.StartAsync("a", Workers);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        Recipe recipe = ClusterRuns.EndlessRecipe();
        await cluster.StartAsync(_runs.Spec(recipe, "soak", Workers) with { CheckpointEvery = CheckpointEvery });
        await WholeAsync(cluster);
        RunStatus begun = await cluster.StatusAsync("soak");
        string lead = begun.Members.Single(member => member.Rank == 0).Worker;
        string[] others = [.. begun.Members.Select(member => member.Worker).Where(worker => worker != lead)];
        int leadProcess = (await cluster.WorkersAsync()).Single(worker => worker.Report.Info.Worker == lead).Report.Info.ProcessId;

        (Footprint Silo, Footprint Lead) settled = (Footprint.Of(silo.Endpoints.ProcessId), Footprint.Of(leadProcess));
        for (int i = 0; i < Departures; i++)
        {
            if (i == Settled) settled = (Footprint.Of(silo.Endpoints.ProcessId), Footprint.Of(leadProcess));
            RunStatus before = await cluster.StatusAsync("soak");
            await WorkerSignals.SendAsync(cluster, others[i % others.Length], WorkerSignals.Terminate);
            // One generation without it, and one with it again.
            await ClusterRuns.GenerationAsync(cluster, "soak", before.Generation + 2);
            await WholeAsync(cluster);
        }
        await ClusterRuns.StepAsync(cluster, "soak", LeastSteps);
        (Footprint Silo, Footprint Lead) end = (Footprint.Of(silo.Endpoints.ProcessId), Footprint.Of(leadProcess));
        await cluster.StopAsync("soak");
        RunStatus stopped = await cluster.WaitAsync("soak");

        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{stopped.Step} steps, {stopped.Generation} generations, {stopped.Step / CheckpointEvery} saves due; silo {settled.Silo} -> {end.Silo}; lead {settled.Lead} -> {end.Lead}"));
        Assert.InRange(stopped.Step, LeastSteps, long.MaxValue);
        Assert.Equal(settled.Silo.Children, end.Silo.Children);
        Assert.InRange(end.Silo.Descriptors, 0, settled.Silo.Descriptors + 4);
        Assert.InRange(end.Lead.Descriptors, 0, settled.Lead.Descriptors + 4);
        Assert.InRange(end.Lead.ResidentMegabytes, 0, settled.Lead.ResidentMegabytes * 1.05);
        Assert.InRange(end.Silo.ResidentMegabytes, 0, settled.Silo.ResidentMegabytes * 1.1);
        OracleRun oracle = Oracle.Train(ClusterRuns.EndlessRecipe(stopped.Step));
        Assert.Equal(oracle.Digests.Take((int)stopped.Step), _runs.Steps("soak").Select(line => line.GetProperty("digest").GetString()!));
    }

    private static Task WholeAsync(SpikeformerCluster cluster) => Eventually.HoldsAsync("a whole generation", async () =>
        (await cluster.StatusAsync("soak")) is { } status && status.Members.Count(member => member.Rank is not null) == Workers && status.LastCommit?.Generation == status.Generation);

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
