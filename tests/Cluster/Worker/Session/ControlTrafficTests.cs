using System.Globalization;
using System.Text.RegularExpressions;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Cluster.Training;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Worker.Session;

/// <summary>The communication with the cluster that training costs, as the workers count it.</summary>
public sealed partial class ControlTrafficTests : IDisposable
{
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task The_compute_thread_calls_no_grain_and_a_step_costs_less_than_four_kilobytes()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=9");
        using SiloProcess silo = await _runs.StartAsync("a", workers: 2);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        RunStatus end = await _runs.TrainAsync(cluster, recipe, "talk", 2);
        Assert.Equal(RunState.Completed, end.State);
        foreach (string worker in new[] { "a/0", "a/1" })
        {
            Match? counts = null;
            await Eventually.HoldsAsync($"the counts of {worker}", async () =>
                (counts = (await cluster.LogAsync(worker, 100)).Select(line => Counts().Match(line)).FirstOrDefault(match => match.Success)) is not null);
            Assert.Equal(end.Step, Number(counts!, "steps"));
            Assert.Equal(0, Number(counts!, "compute"));
            Assert.InRange(Number(counts!, "calls"), 10, 10 * end.Step);
            Assert.InRange(Number(counts!, "bytes"), 1000, 4096 * end.Step);
        }
    }

    private static long Number(Match match, string group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex("^Finished run talk at step (?<steps>[0-9]+): (?<calls>[0-9]+) grain calls \\((?<compute>[0-9]+) on the compute thread\\), (?<bytes>[0-9]+) bytes sent and received$")]
    private static partial Regex Counts();
}
