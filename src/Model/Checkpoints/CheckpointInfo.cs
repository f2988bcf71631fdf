using System.Text.Json;

namespace Spikeformer.Checkpoints;

/// <summary>Identity of a generation: compared for equality only.</summary>
/// <param name="Number">Counts up, from 0.</param>
/// <param name="Nonce">Random text that tells apart generations of equal number; empty for a run without a cluster.</param>
public readonly record struct GenerationId(long Number, string Nonce)
{
    /// <summary>The generation of a run that one process trains alone.</summary>
    public static GenerationId Alone => new(0, "");
}

/// <summary>
/// What a checkpoint says about the committed step it was taken at: everything besides tensors that a resumed run needs to go on with the
/// same bits, and what is needed to refuse a run that would not.
/// </summary>
public sealed record CheckpointInfo
{
    /// <summary>Name of the run.</summary>
    public required string Run { get; init; }
    /// <summary>Counts overrides and rewinds of the run, from 0. Only the highest lineage is continued.</summary>
    public int Lineage { get; init; }
    /// <summary>Step at which this lineage left the one before; 0 for lineage 0. Later steps of older lineages are abandoned.</summary>
    public long LineageStart { get; init; }
    /// <summary>The generation that saved it.</summary>
    public GenerationId Generation { get; init; } = GenerationId.Alone;
    /// <summary>Committed steps, from 0 for untrained weights.</summary>
    public required long Step { get; init; }
    /// <summary>Epoch of the next step, from 0.</summary>
    public required int Epoch { get; init; }
    /// <summary>Steps of <see cref="Epoch"/> that are committed.</summary>
    public required int StepInEpoch { get; init; }
    /// <summary>Optimizer updates that were applied; fewer than <see cref="Step"/> when non-finite gradients were skipped.</summary>
    public required long AppliedUpdates { get; init; }
    /// <summary>Factor on the loss in float16 training; 1 otherwise.</summary>
    public double LossScale { get; init; } = 1;
    /// <summary>Updates since the loss scale last changed.</summary>
    public long LossScaleGoodSteps { get; init; }
    /// <summary>Chained digest of all committed steps, lower-case hexadecimal.</summary>
    public required string StepDigest { get; init; }
    /// <summary>Digest of the committed samples, lower-case hexadecimal.</summary>
    public required string LedgerDigest { get; init; }
    /// <summary>SHA-256 over parameters, buffers and optimizer state in canonical order, lower-case hexadecimal.</summary>
    public required string WeightsDigest { get; init; }
    /// <summary>The resolved recipe, a JSON object.</summary>
    public required JsonElement Recipe { get; init; }
    /// <summary>Hash of the recipe, lower-case hexadecimal.</summary>
    public required string RecipeHash { get; init; }
    /// <summary>What the bits depend on besides the recipe: library version, ISA class, threads and so on, by name.</summary>
    public IReadOnlyDictionary<string, string> Fingerprint { get; init; } = new Dictionary<string, string>();
    /// <summary>Hash of the data set's content, lower-case hexadecimal.</summary>
    public required string DataHash { get; init; }
    /// <summary>Names of the classes in the order of the network's outputs.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];
    /// <summary>Measured values by name: <c>testAccuracy</c>, <c>bestTestAccuracy</c>, <c>trainLoss</c> and so on.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();
    /// <summary>When it was saved. For people; nothing is decided by it.</summary>
    public DateTimeOffset CreatedUtc { get; init; }

    /// <summary>The first field that no checkpoint can have, with its value; null when there is none.</summary>
    internal string? Problem()
    {
        foreach ((string field, long value) in new[] { (nameof(Lineage), Lineage), (nameof(LineageStart), LineageStart),
            (nameof(Step), Step), (nameof(Epoch), Epoch), (nameof(StepInEpoch), StepInEpoch), (nameof(AppliedUpdates), AppliedUpdates),
            (nameof(LossScaleGoodSteps), LossScaleGoodSteps), ("Generation.Number", Generation.Number) })
            if (value < 0) return $"{field} is {value}";
        foreach ((string field, string value) in new[] { (nameof(StepDigest), StepDigest), (nameof(LedgerDigest), LedgerDigest),
            (nameof(WeightsDigest), WeightsDigest), (nameof(RecipeHash), RecipeHash), (nameof(DataHash), DataHash) })
            if (!IsHex(value)) return $"{field} is '{value}', not lower-case hexadecimal";
        if (LineageStart > Step) return $"{nameof(LineageStart)} {LineageStart} is after {nameof(Step)} {Step}";
        if (Run is "") return $"{nameof(Run)} is empty";
        return Recipe.ValueKind != JsonValueKind.Object ? $"{nameof(Recipe)} is no JSON object" : null;
    }

    internal static bool IsHex(string text) => text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'));
}
