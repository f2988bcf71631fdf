using System.Globalization;
using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.TestKit;
using Spikeformer.TestKit.Servers;

namespace Spikeformer.Benchmarks;

/// <summary>Machines on a simulated network, with one worker each, and Redis. Cables are pulled, machines fail, coordinators die. Measures the time to the next
/// committed step. Needs root, ip, iptables and redis-server.</summary>
internal static class OutageBenchmark
{
    private const int Nodes = 3;
    private static readonly TimeSpan CoordinatorsAreDead = TimeSpan.FromSeconds(20);

    private sealed record Row(string What, double? Goal, double[] Times);

    public static async Task<int> RunAsync(int accidents, bool json)
    {
        string folder = Directory.CreateTempSubdirectory("spikeformer-outage-").FullName;
        try
        {
            (double step, Row[] rows) = await MeasureAsync(folder, accidents);
            if (json) Console.WriteLine(JsonSerializer.Serialize(new { Machine = Machine.This(1), Step = step, Rows = rows }));
            else Print(step, rows);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(double Step, Row[] Rows)> MeasureAsync(string folder, int accidents)
    {
        using NodeNetwork network = NodeNetwork.Create(Nodes);
        using RedisServer server = await RedisServer.StartAsync(network.HostAddress);
        string redis = server.ConnectionString;
        var random = new Random(1);
        double[] cut = new double[accidents], split = new double[accidents], failed = new double[accidents], gaps = new double[accidents], calm = new double[accidents];
        double step;
        // Coordinators on separate machines.
        {
            SiloProgram[] control = [await ControlAsync(0), await ControlAsync(1)];
            SiloProgram[] nodes = [.. await Task.WhenAll(Enumerable.Range(0, Nodes).Select(node => NodeAsync(node, "node")))];
            SpikeformerCluster cluster = await StartRunAsync(control, "first");
            var watch = new RunWatch(cluster, "run", Nodes);
            await watch.SettleAsync();
            step = watch.MedianStep();
            for (int i = 0; i < accidents; i++)
            {
                int node = random.Next(Nodes);
                (cut[i], _) = await watch.AccidentAsync(_ => Task.Run(() => network.Cut(node)));
                network.Mend(node);
                // A silo that the others have declared dead ends itself. Its operator restarts it.
                await Task.Delay(TimeSpan.FromSeconds(1));
                network.PowerOff(node);
                nodes[node].Dispose();
                nodes[node] = await NodeAsync(node, "node");
            }
            for (int i = 0; i < accidents; i++)
            {
                int node = random.Next(Nodes);
                (split[i], _) = await watch.AccidentAsync(_ => Task.Run(() => network.CutFromOthers(node)));
                network.MendToOthers(node);
            }
            for (int i = 0; i < accidents; i++)
            {
                await watch.SettleAsync();
                DateTimeOffset began = DateTimeOffset.UtcNow;
                await Task.Delay(CoordinatorsAreDead);
                calm[i] = await watch.LongestGapAsync(began);
                began = DateTimeOffset.UtcNow;
                foreach (SiloProgram silo in control) silo.Dispose();
                await Task.Delay(CoordinatorsAreDead);
                DateTimeOffset ended = DateTimeOffset.UtcNow;
                control = [await ControlAsync(0), await ControlAsync(1)];
                await cluster.DisposeAsync();
                cluster = await ConnectAsync(control);
                watch = new RunWatch(cluster, "run", Nodes);
                await watch.SettleAsync();
                gaps[i] = await watch.LongestGapAsync(began, ended);
            }
            await cluster.CancelAsync("run");
            await cluster.DisposeAsync();
            foreach (SiloProgram silo in (SiloProgram[])[.. nodes, .. control]) silo.Dispose();
            for (int node = 0; node < Nodes; node++) network.PowerOff(node);
        }
        // Coordinators on the machines that train.
        {
            SiloProgram[] nodes = [.. await Task.WhenAll(Enumerable.Range(0, Nodes).Select(node => NodeAsync(node, "control,node")))];
            SpikeformerCluster cluster = await StartRunAsync(nodes, "second");
            for (int i = 0; i < accidents; i++)
            {
                var watch = new RunWatch(cluster, "run", Nodes);
                await watch.SettleAsync();
                int node = await CoordinatorAsync(nodes);
                (failed[i], _) = await watch.AccidentAsync(_ => Task.Run(() => network.PowerOff(node)));
                nodes[node].Dispose();
                nodes[node] = await NodeAsync(node, "control,node");
                await cluster.DisposeAsync();
                cluster = await ConnectAsync(nodes);
            }
            await cluster.CancelAsync("run");
            await cluster.DisposeAsync();
            foreach (SiloProgram silo in nodes) silo.Dispose();
            for (int node = 0; node < Nodes; node++) network.PowerOff(node);
        }
        return (step,
        [
            new("a cable is pulled", 2000 + 3 * step, cut), new("a machine reaches the coordinator but no peer", 2000 + 3 * step, split),
            new("a machine fails together with the coordinator", 10_000 + 3 * step, failed),
            new("20 s without a failure: longest time between two commits of an epoch", null, calm), new("all coordinators dead for 20 s: the same", 1.5 * step, gaps),
        ]);

        Task<SiloProgram> ControlAsync(int number) => SiloProgram.StartAsync(folder, $"control-{number}", null,
            "--redis", redis, "--roles", "control", "--devices", "none", "--advertise", network.HostAddress);

        Task<SiloProgram> NodeAsync(int node, string roles) => SiloProgram.StartAsync(folder, $"{roles.Replace(',', '-')}-{node}", start => network.On(node, start),
            "--redis", redis, "--roles", roles, "--devices", "cpu:1", "--advertise", network.Address(node), "--orphan-grace", "10");

        Task<SpikeformerCluster> ConnectAsync(SiloProgram[] silos) => SpikeformerCluster.ConnectAsync(string.Join(',', silos.Select(silo => silo.Endpoints.Gateway)));

        async Task<SpikeformerCluster> StartRunAsync(SiloProgram[] silos, string directory)
        {
            SpikeformerCluster cluster = await ConnectAsync(silos);
            await cluster.StartAsync(RecoveryBenchmark.Spec(Path.Combine(folder, directory), Nodes));
            return cluster;
        }
    }

    /// <summary>Returns the index of the silo with the run's grain. Only that silo exports the run's metrics.</summary>
    private static async Task<int> CoordinatorAsync(SiloProgram[] silos)
    {
        using var http = new HttpClient();
        while (true)
        {
            for (int i = 0; i < silos.Length; i++)
                if ((await http.GetStringAsync(silos[i].Endpoints.Http + "/metrics")).Contains("\nspikeformer_generation{", StringComparison.Ordinal)) return i;
            await Task.Delay(100);
        }
    }

    private static void Print(double step, Row[] rows)
    {
        Machine machine = Machine.This(1);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{machine.Processor}, {machine.Cores} cores, {machine.Runtime}; {Nodes} machines, S = {step:0} ms, {rows[0].Times.Length} of each; times in ms"));
        Console.WriteLine("| what | median, worst | goal |");
        Console.WriteLine("|---|---|---|");
        foreach (Row row in rows) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {row.What} | {RecoveryBenchmark.Both(row.Times)} | {row.Goal:0} |"));
    }
}
