using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Runs with seeded random schedules of failures: kills at a place of a step or at any moment, freezes, and departures. Every committed step is the
/// oracle's.</summary>
public sealed class ChaosTests : IDisposable
{
    private const int Workers = 3, Blows = 4;
    private static readonly string[] s_places = ["compute", "reduce", "gather", "apply", "applied"], s_coupledPlaces = [.. s_places, "couple"];

    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    /// <summary>Seeds 1 to 8, or up to the number in <c>SPIKEFORMER_CHAOS</c>.</summary>
    public static TheoryData<int> Seeds =>
        [.. Enumerable.Range(1, int.TryParse(Environment.GetEnvironmentVariable("SPIKEFORMER_CHAOS"), out int count) ? count : 8)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_run_with_random_failures_gives_the_digests_of_the_oracle(int seed)
    {
        TestData.RequireLong();
        bool isCoupled = seed % 2 == 0;
        Recipe recipe = ClusterRuns.Recipe("epochs=4", $"batchNorm={(isCoupled ? "global" : "shard")}", $"seed={seed}");
        OracleRun oracle = Oracle.Train(recipe);
        ILookup<bool, Blow> blows = ChaosSchedule.Of(seed, oracle.Digests.Count, Workers, Blows, isCoupled ? s_coupledPlaces : s_places).ToLookup(blow => blow.Kind is ChaosKind.Die);
        string failPoints = string.Join(',', blows[true].Select(blow => $"{Worker(blow)}:{blow.Place}@{blow.Step}=kill"));
        using SiloProcess silo = await _runs.StartAsync("a", Workers, transport: seed % 4 < 2 ? "" : "tcp", failPoints);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "chaos", Workers));
        foreach (Blow blow in blows[false])
        {
            await ClusterRuns.AwaitStepAsync(cluster, "chaos", blow.Step);
            await StrikeAsync(cluster, blow);
        }
        _runs.AssertSame(oracle, await cluster.WaitAsync("chaos"));
    }

    [Fact]
    public void A_schedule_depends_only_on_its_seed()
    {
        Assert.Equal(ChaosSchedule.Of(7, 88, Workers, Blows, s_places), ChaosSchedule.Of(7, 88, Workers, Blows, s_places));
        Assert.NotEqual(ChaosSchedule.Of(7, 88, Workers, Blows, s_places), ChaosSchedule.Of(8, 88, Workers, Blows, s_places));
    }

    private static string Worker(Blow blow) => $"a/{blow.Slot}";

    private static async Task StrikeAsync(SpikeformerCluster cluster, Blow blow)
    {
        string worker = Worker(blow);
        if (blow.Kind is not ChaosKind.Freeze)
        {
            await WorkerSignals.SendAsync(cluster, worker, blow.Kind is ChaosKind.Kill ? WorkerSignals.Kill : WorkerSignals.Terminate);
            return;
        }
        RunStatus before = await cluster.StatusAsync("chaos");
        int process = await WorkerSignals.SendAsync(cluster, worker, WorkerSignals.Stop);
        // If the frozen worker is the only one left, or not a member, nobody continues without it, and it must not stay frozen.
        bool othersContinue = before.Members.Count(member => member.Rank is not null && member.Worker != worker) > 0;
        if (othersContinue) await ClusterRuns.AwaitStepAsync(cluster, "chaos", before.Step + 2);
        WorkerSignals.Send(process, WorkerSignals.Continue);
    }
}
