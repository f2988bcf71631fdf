using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Spikeformer.Client;
using Spikeformer.Cluster.Metrics;
using Spikeformer.Cluster.Silos;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.Silo.Storage;
using Spikeformer.Silo.Worker.Generation;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Strangers at the data ports of workers during a run. They know all that can be learned by listening on the wire (run, generation, members), but
/// not the secret.</summary>
public sealed class StrangerTests : IDisposable
{
    private const int Workers = 3, Garbage = 20, Silent = 100;
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task Strangers_at_the_data_ports_are_refused_counted_and_logged_once_and_change_no_bit()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=8");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", Workers);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "attacked", Workers));
        await ClusterRuns.AwaitStepAsync(cluster, "attacked", 5);

        GroupPlan plan = GroupPlanFactory.Create(StoredPlan(), ownRank: 0);
        var random = new Random(7);
        Socket[] silent = [.. plan.Members.SelectMany(member => Enumerable.Range(0, Silent).Select(_ => Connect(member)))];
        silent[^1].Send("S"u8); // one sends a single byte
        for (int rank = 0; rank < Workers; rank++)
        {
            GroupMember member = plan.Members[rank];
            for (int i = 0; i < Garbage; i++)
            {
                using Socket stranger = Connect(member);
                var garbage = new byte[Handshake.HelloBytes];
                random.NextBytes(garbage);
                stranger.Send(garbage);
                Assert.Equal((byte)Answer.Refused, Received(stranger, Handshake.ChallengeBytes)[0]);
            }
            Assert.Equal((byte)Answer.Refused, Prove(plan, rank, proof: null));
            byte[] recorded = Handshake.ConnectorProof(plan.Secret, Hello(plan, rank), RandomNumberGenerator.GetBytes(32));
            Assert.Equal((byte)Answer.Refused, Prove(plan, rank, recorded));
        }
        // The listener hangs up on silent strangers: immediately on the oldest when there are more than 64, and on the others after two seconds.
        foreach (Socket stranger in silent)
            using (stranger) Assert.Equal(Handshake.ChallengeBytes, Received(stranger, Handshake.ChallengeBytes + 1).Length);
        Assert.True((await cluster.StatusAsync("attacked")).Step < oracle.Digests.Count, "the run ended before the attack");

        RunStatus end = await cluster.WaitAsync("attacked");
        _runs.AssertSame(oracle, end);
        Assert.Equal([1], _runs.Generations("attacked").Distinct());
        Assert.Empty(_runs.Events("attacked", "sealed"));
        await Eventually.HoldsAsync("the counts in the metrics", async () =>
        {
            Scrape scrape = await Scrape.OfAsync(silo);
            return Count(scrape, RejectionCause.Malformed) == Workers * Garbage && Count(scrape, RejectionCause.WrongSecret) == Workers * 2
                && Count(scrape, RejectionCause.TooSlow) == Workers * Silent;
        });
        for (int slot = 0; slot < Workers; slot++)
        {
            string[] log = File.ReadAllLines(_runs[$"cluster/workers/{slot}.log"]);
            foreach (RejectionCause cause in new[] { RejectionCause.Malformed, RejectionCause.WrongSecret, RejectionCause.TooSlow })
                Assert.Single(log, line => line.StartsWith($"Refused a connection from 127.0.0.1 on the data port: {cause}", StringComparison.Ordinal));
        }

        static double Count(Scrape scrape, RejectionCause cause) => scrape.Sum("spikeformer_collectives_rejected_total", ("cause", $"{cause}"));
    }

    /// <summary>Returns the plan that the run's grain has stored.</summary>
    private GenerationPlan StoredPlan()
    {
        foreach (string file in Directory.GetFiles(_runs["cluster/grains"], "attacked.*.json", SearchOption.AllDirectories))
        {
            using JsonDocument record = JsonDocument.Parse(File.ReadAllBytes(file));
            if (new RecordSerializer().Deserialize<RunRecord>(new BinaryData(record.RootElement.GetProperty("record").GetRawText())).Plan is { } plan) return plan;
        }
        throw new Xunit.Sdk.XunitException("The run has not stored a plan.");
    }

    /// <summary>Goes through the handshake as a member, with a proof that must be refused.</summary>
    /// <returns>The listener's final answer.</returns>
    private static byte Prove(GroupPlan plan, int rank, byte[]? proof)
    {
        using Socket socket = Connect(plan.Members[rank]);
        socket.Send(Hello(plan, rank));
        byte[] challenge = Received(socket, Handshake.ChallengeBytes);
        Assert.Equal((byte)Answer.Welcome, challenge[0]);
        socket.Send(proof ?? Handshake.ConnectorProof(RandomNumberGenerator.GetBytes(32), Hello(plan, rank), challenge.AsSpan(1, 32)));
        return Received(socket, 1)[0];
    }

    /// <summary>Returns the hello of another member for a heartbeat connection.</summary>
    private static byte[] Hello(GroupPlan plan, int rank)
    {
        int from = (rank + 1) % plan.WorldSize;
        return Handshake.Write(new(ConnectionPurpose.Heartbeat, plan.RunHash, plan.GenerationNumber, plan.GenerationNonce, from, rank,
            plan.Members[from].Incarnation, plan.Members[rank].Incarnation));
    }

    private static Socket Connect(GroupMember member)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 20_000 };
        socket.Connect(IPAddress.Parse(member.Host), member.Port);
        return socket;
    }

    /// <summary>Receives the given number of bytes, or fewer if the other side hangs up.</summary>
    private static byte[] Received(Socket socket, int count)
    {
        var bytes = new byte[count];
        int received = 0;
        for (int got; received < count && (got = socket.Receive(bytes.AsSpan(received))) > 0;) received += got;
        return bytes[..received];
    }
}
