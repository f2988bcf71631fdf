using System.Buffers.Binary;
using Spikeformer.Collectives;
using Spikeformer.Data;
using Spikeformer.Diagnostics;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>Evaluates the test split with all members: each evaluates its own shards, and the results are added along the summation tree.</summary>
internal static class DistributedEvaluation
{
    private const int Part = int.MaxValue - 2, PayloadBytes = 5 * sizeof(long);

    /// <summary>Evaluates all shards, to the bits of <see cref="Evaluation.Run"/> for any number of members.</summary>
    /// <exception cref="PeerLostException">A member was lost. Evaluate again in the next generation.</exception>
    public static EvaluationResult Run(Group group, PreparedRun run, Action computed, CancellationToken cancellation)
    {
        Recipe recipe = run.Recipe;
        EvaluationPlans plans = Evaluation.Plans(run.Dataset, Split.Test, recipe);
        using var loader = new BatchLoader(run.Dataset, Split.Test, plans, recipe.Data.AugmentTest ? recipe.Seed : null);
        ParameterSet weights = run.Engine.CurrentWeights();
        var leaves = new Dictionary<TreeNode, EvaluationResult?>();
        for (int v = group.Plan.Own.FirstShard; v < group.Plan.Own.EndShard; v++)
            leaves[new(0, v)] = Evaluation.Shard(run.Network, weights, run.Held.State.Running, loader, plans, v, recipe.Precision, cancellation);

        FailPoints.Hit("evaluate", run.Held.State.Step);
        var own = new byte[group.OwnNodes.Count * PayloadBytes];
        for (int i = 0; i < group.OwnNodes.Count; i++)
            Write(NodeFold.Fold(group.OwnNodes[i].Node, recipe.Shards, leaves, EvaluationResult.Add)!, own.AsSpan(i * PayloadBytes));
        computed();
        return group.ExchangeNodes(run.Held.State.Step, Part, PayloadBytes, own, cancellation).Fold(Read, EvaluationResult.Add)!;
    }

    private static void Write(EvaluationResult result, Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, result.Samples);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], result.Top1);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], result.Top5);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes[24..], result.LossSum);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes[32..], result.LastBatchLossSum);
    }

    private static EvaluationResult? Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadInt64LittleEndian(bytes),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]), BinaryPrimitives.ReadDoubleLittleEndian(bytes[24..]),
        BinaryPrimitives.ReadDoubleLittleEndian(bytes[32..]));
}
