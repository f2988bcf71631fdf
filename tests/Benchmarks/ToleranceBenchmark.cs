using System.Globalization;
using System.IO.Hashing;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Heartbeats;
using Spikeformer.Collectives.Plan;
using Spikeformer.Contracts;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker.Generation;
using Spikeformer.Silo.Worker.Session;
using Spikeformer.Silo.Worker.Transfer;
using Spikeformer.Training;

namespace Spikeformer.Benchmarks;

/// <summary>
/// The cost of fault tolerance: two members, as threads of this process, train the demo recipe. Every other step includes all that a voter does for the
/// case of a lost worker. The times are CPU time of the whole process. Two parts that cannot be switched from step to step are timed by themselves: the
/// step digest, and the heartbeats, which run on their own threads.
/// </summary>
internal static class ToleranceBenchmark
{
    private const int Ranks = 2, WarmUp = 20, HashInterval = 50;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20), Listening = TimeSpan.FromSeconds(5);

    /// <param name="Steps">The CPU time of steps of both members, with and without fault tolerance.</param>
    /// <param name="HashUs">The CPU time of the state hash on both members per step, in microseconds.</param>
    /// <param name="DigestUs">The CPU time of the step digest on both members, in microseconds.</param>
    /// <param name="HeartbeatUs">The CPU time of both members' heartbeats during a step, in microseconds.</param>
    private sealed record Figures(PairedCost Steps, double HashUs, double DigestUs, double HeartbeatUs)
    {
        public double Percent => Steps.Percent(Steps.DifferenceUs + HashUs + DigestUs + HeartbeatUs);
    }

    public static void Run(int pairs, bool asJson)
    {
        Figures figures = Measure(pairs);
        if (asJson)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { benchmark = "tolerance", machine = Machine.This(1), figures }));
            return;
        }
        Machine machine = Machine.This(1);
        Console.WriteLine($"{machine.Processor}, {machine.Cores} cores, {machine.VectorWidth}, {machine.Runtime}; {pairs} pairs of steps of {Ranks} members");
        Console.WriteLine($"{PairedCost.Columns} | state hash us | step digest us | heartbeats us | together, of a step |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{figures.Steps} | {figures.HashUs:F1} | {figures.DigestUs:F1} | {figures.HeartbeatUs:F1} | {figures.Percent:F2} % |"));
    }

    private static Figures Measure(int pairs)
    {
        DataListener[] listeners = [.. Enumerable.Range(0, Ranks).Select(_ => new DataListener(IPAddress.Loopback))];
        RunSpec spec = Client.RunSpecs.OfRecipe("demo", ["batchNorm=shard"]);
        GroupPlan plan = Plan(listeners, RecipeReader.Read(spec.Recipe, spec.Name).Shards);
        double[] costs = new double[2 * pairs];
        (double Hash, double Digest, double Heartbeat) alone = default;
        Thread[] members = [.. Enumerable.Range(0, Ranks).Select(rank => new Thread(() => Train(rank), maxStackSize: 16 << 20))];
        foreach (Thread member in members) member.Start();
        foreach (Thread member in members) member.Join();
        foreach (DataListener listener in listeners) listener.Dispose();

        var steps = PairedCost.Of(costs);
        // The process has the heartbeats of all members, for the length of a step, which is the part of its CPU time that one member takes.
        return new(steps, alone.Hash * Ranks / HashInterval, alone.Digest * Ranks, alone.Heartbeat * steps.StepMs / Ranks / 1000);

        unsafe void Train(int rank)
        {
            using PreparedRun run = PreparedRun.Open(spec, "cpu:0", _ => { }, TimeProvider.System);
            GroupPlan own = plan with { OwnRank = rank };
            using Group group = Group.Connect(own, listeners[rank], Patience);
            using HeartbeatLoop pulse = HeartbeatLoop.Connect(own, listeners[rank], new(), Patience);
            var progress = new MemberProgress(pulse, TimeProvider.System);
            var board = new MemberBoard(new() { Worker = $"benchmark/{rank}", Incarnation = 1, Device = "cpu:0", Address = "", HostId = "" }, TimeProvider.System);
            int[] shards = [.. Enumerable.Range(own.Own.FirstShard, own.Own.EndShard - own.Own.FirstShard)];
            for (int step = -2 * WarmUp; step < 2 * pairs; step++)
            {
                bool isTolerant = PairedCost.IsWith(step);
                TimeSpan start = Environment.CpuUsage.TotalTime;
                Step(isTolerant);
                if (rank == 0 && step >= 0) costs[step] = (Environment.CpuUsage.TotalTime - start).TotalMicroseconds;
            }
            if (rank == 0) alone = Alone(run, pulse);
            group.ExchangeNodes(0, 1, 1, new byte[group.OwnNodes.Count]); // nobody leaves before all have measured

            void Step(bool isTolerant)
            {
                long number = run.Held.State.Step;
                if (isTolerant)
                {
                    progress.Enter(number, Stage.Compute);
                    board.Enter(WorkerPhase.Computing, number);
                }
                using StepBatch batch = run.Loader.Load(number, shards);
                IReadOnlyList<StepVector> vectors = run.Engine.Compute(batch.Identity, batch.Inputs, coupling: null);
                NodeVector[] sums = [.. group.OwnNodes.Select(node => Fold(node.Node))];
                StepVector reduced = isTolerant ? run.Held.Reduced.For(number) : run.Held.Reduced.For(0);
                if (isTolerant)
                {
                    progress.Enter(number, Stage.Reduce);
                    board.Enter(WorkerPhase.Reducing, number);
                }
                group.AllReduce(number, 0, sums, reduced.Pointer, reduced.Values.NumberOfElements);
                if (isTolerant) board.Enter(WorkerPhase.Applying, number);
                CommittedStep committed = run.Held.State.Apply(batch.Plan, reduced);
                if (!isTolerant) return;
                run.Held.Reduced.Committed(number);
                run.Held.Kept.Forget();
                run.Held.Recent.Add(StepLine.Of(committed, new(1, "")));
                board.Committed(new() { Step = committed.Step, Digest = committed.Digest, Time = DateTimeOffset.UtcNow }, isLead: false, 0.1);
                pulse.Applied(number, ulong.Parse(run.Held.State.Digest.AsSpan(0, 16), NumberStyles.HexNumber));
                run.Held.Transfers.Commit(number, StateWire.Digest(committed.Digest), reduced.Bytes, run.Held.Copy);

                NodeVector Fold(TreeNode node)
                {
                    SummationTree.FoldInPlace(node, own.Shards, v => ((nint)vectors[v - shards[0]].Pointer, vectors[v - shards[0]].Values.NumberOfElements));
                    return new(node, (nint)vectors[node.First - shards[0]].Pointer);
                }
            }
        }
    }

    /// <summary>Returns the CPU time, in microseconds, of a state hash, of a step digest, and of all members' heartbeats in one second.</summary>
    private static (double Hash, double Digest, double Heartbeat) Alone(PreparedRun run, HeartbeatLoop pulse)
    {
        const int times = 50;
        TimeSpan start = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < times; i++) run.Held.State.Hash();
        double hash = (Environment.CpuUsage.TotalTime - start).TotalMicroseconds / times;
        start = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < times; i++) XxHash128.HashToUInt128(run.Held.Reduced.For(0).Bytes);
        double digest = (Environment.CpuUsage.TotalTime - start).TotalMicroseconds / times;
        start = Environment.CpuUsage.TotalTime;
        Thread.Sleep(Listening);
        GC.KeepAlive(pulse);
        return (hash, digest, (Environment.CpuUsage.TotalTime - start).TotalMicroseconds / Listening.TotalSeconds);
    }

    private static GroupPlan Plan(DataListener[] listeners, int shards) => new()
    {
        RunHash = 1, GenerationNumber = 1, GenerationNonce = Guid.NewGuid(), Shards = shards, OwnRank = 0, Secret = RandomNumberGenerator.GetBytes(32),
        Members = [.. listeners.Select((listener, rank) => new GroupMember($"benchmark/{rank}", 1, "here", "127.0.0.1", listener.Port, shards * rank / Ranks, shards * (rank + 1) / Ranks))],
    };
}
