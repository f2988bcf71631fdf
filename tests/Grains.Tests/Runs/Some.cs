using Spikeformer.Contracts;
using Spikeformer.Runs;

namespace Spikeformer.Grains.Tests.Runs;

/// <summary>Workers, reports and runs with all that a test does not care about filled in.</summary>
internal static class Some
{
    public static readonly DateTimeOffset Noon = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    public static readonly IReadOnlyDictionary<string, string> Numerics = new Dictionary<string, string> { ["isa"] = "avx2", ["threads"] = "1" };

    public static WorkerInfo Worker(string name, ulong incarnation = 1) => new()
    {
        Worker = name, Incarnation = incarnation, Device = "cpu:0", Address = $"{name}:1", HostId = "host",
    };

    public static Candidate Candidate(string name, ulong incarnation = 1, int capacity = int.MaxValue, bool canVote = true, bool wantsToLeave = false) =>
        new(Worker(name, incarnation), capacity, canVote, wantsToLeave);

    public static MemberReport Report(string name, WorkerPhase phase, long step = 0, long sequence = 1, ulong incarnation = 1) => new()
    {
        Info = Worker(name, incarnation), Sequence = sequence, Phase = phase, Step = step, Fingerprint = Numerics,
    };

    /// <summary>The same report of a member of a generation.</summary>
    public static MemberReport In(this MemberReport report, GenerationPlan plan) => report with { Generation = plan.Number, Nonce = plan.Nonce };

    public static GenerationPlan Plan(params string[] workers) =>
        GenerationPlanner.Plan("run", 1, 8, [.. workers.Select(worker => Candidate(worker))], sealedThrough: 0)!;

    /// <summary>A recipe that is only read, never trained.</summary>
    public static string Recipe(int shards = 4, int samples = 704) => $$"""
        { "name": "some", "seed": 7, "epochs": 3, "batch": {{Math.Max(shards, 16)}}, "shards": {{shards}}, "batchNorm": "shard",
          "model": { "neuron": "plif", "kernel": 3, "strides": [2, 1, 2, 1], "width": 64, "depth": 1, "heads": 4, "mlpRatio": 2, "dropPath": 0 },
          "data": { "kind": "synthetic", "timeSteps": 4, "framesBy": "number", "canvas": [32, 32], "trainSamples": {{samples}}, "testSamples": 176 },
          "optimizer": { "kind": "adam", "weightDecay": 1e-4 },
          "schedule": [{ "from": 0, "base": 4e-3, "kind": "cosine", "warmup": 1 }] }
        """;

    public static RunSpec Spec(string name = "run", int workers = 0, int minWorkers = 1, int shards = 4) => new()
    {
        Name = name, Recipe = Recipe(shards), OutDirectory = $"/runs/{name}", Workers = workers, MinWorkers = minWorkers, StartGraceSeconds = 10,
    };

    public static RunOutcome Outcome(RunState state, long step = 5) => new() { State = state, Step = step, StepDigest = "5d", WeightsDigest = "3d" };

    public static WorkerFailure Failure(string worker = "a") => new() { Worker = worker, Message = "It broke", Remedy = "Mend it" };
}
