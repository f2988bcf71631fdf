using Spikeformer.Client;
using Spikeformer.Cluster.Metrics;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.TestKit.Servers;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Machines with one worker each, on a simulated network. Cables are pulled and machines fail, and the run ends with the bits of the oracle.</summary>
public sealed class NodeLossTests : IDisposable
{
    private const int Nodes = 3;
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_disconnected_machine_is_left_out_and_changes_nothing_when_it_is_back()
    {
        TestData.RequireLong();
        string[] without = await TrainAsync("cut", network => network.Cut(2), network => network.Mend(2));
        Assert.Equal(["node-0/0", "node-1/0"], without);
        long[] generations = _runs.Generations("cut");
        Assert.Equal(generations.Order(), generations);
    }

    /// <summary>All machines still report to the coordinator, and each side reports the other one lost. Whichever report comes first, two machines hear each
    /// other.</summary>
    [Fact]
    public async Task A_machine_that_reaches_the_coordinator_but_not_its_peers_is_left_out_and_changes_no_bit()
    {
        TestData.RequireLong();
        string[] without = await TrainAsync("split", network => network.CutFromOthers(1), network => network.MendToOthers(1));
        Assert.Equal(["node-0/0", "node-2/0"], without);
        long[] generations = _runs.Generations("split");
        Assert.Equal(generations.Order(), generations);
    }

    [Fact]
    public async Task A_machine_that_fails_together_with_the_coordinator_on_it_costs_no_step()
    {
        TestData.RequireLong();
        using NodeNetwork network = NodeNetwork.Create(Nodes);
        using RedisServer redis = await RedisServer.StartAsync(network.HostAddress);
        SiloProcess[] silos = [];
        try
        {
            for (int node = 0; node < Nodes; node++) silos = [.. silos, await StartAsync(network, redis, node, "control,node")];
            Recipe recipe = ClusterRuns.Recipe("epochs=12");
            OracleRun oracle = Oracle.Train(recipe);
            int failing;
            await using (SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silos[0].Endpoints.Gateway))
            {
                await cluster.StartAsync(_runs.Spec(recipe, "failed", Nodes));
                await ClusterRuns.AwaitStepAsync(cluster, "failed", 20);
                failing = await CoordinatorAsync(silos, "failed");
            }
            network.PowerOff(failing);
            await using SpikeformerCluster others = await SpikeformerCluster.ConnectAsync(silos[(failing + 1) % Nodes].Endpoints.Gateway);
            RunStatus end = await others.WaitAsync("failed");

            _runs.AssertSame(oracle, end);
            Assert.DoesNotContain($"node-{failing}/0", end.Members.Where(member => member.Rank is not null).Select(member => member.Worker));
            long[] generations = _runs.Generations("failed");
            Assert.Equal([1, generations[^1]], [generations[0], generations.Distinct().Order().Last()]);
            Assert.True(generations[^1] > 1, "the machine was not a member");
        }
        finally
        {
            foreach (SiloProcess silo in silos) silo.Dispose();
        }
    }

    /// <summary>Trains on all machines, with the coordinator elsewhere, and compares the bits with the oracle's. The network is broken from step 20 until the
    /// second generation.</summary>
    /// <returns>The members of the second generation.</returns>
    private async Task<string[]> TrainAsync(string run, Action<NodeNetwork> harm, Action<NodeNetwork> mend)
    {
        using NodeNetwork network = NodeNetwork.Create(Nodes);
        using RedisServer redis = await RedisServer.StartAsync(network.HostAddress);
        using SiloProcess control = await StartAsync(network, redis, null, "control"), first = await StartAsync(network, redis, 0, "node"),
            second = await StartAsync(network, redis, 1, "node"), third = await StartAsync(network, redis, 2, "node");
        Recipe recipe = ClusterRuns.Recipe("epochs=12");
        OracleRun oracle = Oracle.Train(recipe);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(control.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, run, Nodes));
        await ClusterRuns.AwaitStepAsync(cluster, run, 20);
        harm(network);
        await ClusterRuns.AwaitGenerationAsync(cluster, run, 2);
        RunStatus without = await cluster.StatusAsync(run);
        mend(network);
        _runs.AssertSame(oracle, await cluster.WaitAsync(run));
        return [.. without.Members.Where(member => member.Rank is not null).Select(member => member.Worker).Order()];
    }

    /// <summary>Returns the index of the silo with the run's grain. Only that silo exports the run's metrics.</summary>
    private static async Task<int> CoordinatorAsync(SiloProcess[] silos, string run)
    {
        for (int i = 0; i < silos.Length; i++)
            if ((await Scrape.OfAsync(silos[i])).Values("spikeformer_generation", ("run", run)).Length > 0) return i;
        throw new InvalidOperationException("No silo coordinates the run.");
    }

    private Task<SiloProcess> StartAsync(NodeNetwork network, RedisServer redis, int? node, string roles)
    {
        string name = node is null ? "control" : $"node-{node}";
        return SiloProcess.StartAsync(new Dictionary<string, string> { ["SPIKEFORMER_TRANSPORT"] = "tcp" }, node is { } on ? start => network.On(on, start) : null,
            "--redis", redis.ConnectionString, "--name", name, "--roles", roles, "--state", _runs[$"state-{name}"],
            "--advertise", node is { } at ? network.Address(at) : network.HostAddress, "--devices", roles.Contains("node") ? "cpu:1" : "none", "--orphan-grace", "10");
    }
}
