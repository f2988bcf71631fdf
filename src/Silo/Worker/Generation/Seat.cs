using Spikeformer.Checkpoints;
using Spikeformer.Silo.Worker.Saving;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>A voter's seat in a generation: everything that its parts work with. The lead keeps the run directory on rank 0; the shares are its part of
/// checkpoints on the other ranks.</summary>
internal sealed record Seat(PreparedRun Run, MemberBoard Board, Lead Lead, ShareWriter Shares, GenerationPlan Plan, PlanMember Own, TimeProvider Time)
{
    public bool IsLead => Own.Rank == 0;

    public TrainingState State => Run.Held.State;

    public GenerationId Generation => new(Plan.Number, Plan.Nonce.ToString("N"));

    public string[] Workers(IEnumerable<int> ranks) => [.. ranks.Select(rank => Plan.Members[rank].Worker)];

    public void Report(string kind, string message) => Board.Happened(kind, message, Time.GetUtcNow());

    /// <summary>Logs a committed step, and reports it to the run.</summary>
    /// <param name="step">The step.</param>
    /// <param name="secondsPerShard">Mean time that this worker computed on a shard; null where it is not typical.</param>
    public void Announce(CommittedStep step, double? secondsPerShard)
    {
        Lead.Committed(step, Generation);
        Board.Committed(new()
        {
            Step = step.Step, Epoch = step.Epoch, Samples = step.Samples, Loss = step.Loss, LearningRate = step.LearningRate, Digest = step.Digest,
            Generation = Plan.Number, Top1 = step.Top1, Top5 = step.Top5, NonFiniteShards = step.NonFiniteShards, Time = Time.GetUtcNow(),
        }, IsLead, secondsPerShard);
    }
}
