namespace Spikeformer.Checkpoints;

/// <summary>The identity of a generation. It is only compared for equality.</summary>
/// <param name="Number">The generation's number, counted from 0.</param>
/// <param name="Nonce">Random text that distinguishes generations with the same number; empty for a run without a cluster.</param>
public readonly record struct GenerationId(long Number, string Nonce)
{
    /// <summary>The generation of a run in a single process.</summary>
    public static GenerationId Alone => new(0, "");
}

/// <summary>The description of a saved state: everything besides the tensors that a resumed run needs to continue with the same bits, and to refuse to continue
/// with others.</summary>
public sealed record CheckpointInfo
{
    /// <summary>The name of the run.</summary>
    public required string Run { get; init; }
    /// <summary>The number of overrides and rewinds of the run so far. Only the highest lineage is continued.</summary>
    public int Lineage { get; init; }
    /// <summary>The step at which this lineage left the one before; 0 for lineage 0. Later steps of older lineages are abandoned.</summary>
    public long LineageStart { get; init; }
    /// <summary>The generation that saved the state.</summary>
    public GenerationId Generation { get; init; } = GenerationId.Alone;
    /// <summary>The number of committed steps; 0 for untrained weights.</summary>
    public required long Step { get; init; }
    /// <summary>The epoch of the next step, from 0.</summary>
    public required int Epoch { get; init; }
    /// <summary>The number of committed steps of <see cref="Epoch"/>.</summary>
    public required int StepInEpoch { get; init; }
    /// <summary>The number of applied optimizer updates; less than <see cref="Step"/> if non-finite gradients were skipped.</summary>
    public required long AppliedUpdates { get; init; }
    /// <summary>The factor on the loss in float16 training; 1 otherwise.</summary>
    public double LossScale { get; init; } = 1;
    /// <summary>The number of updates since the loss scale last changed.</summary>
    public long LossScaleGoodSteps { get; init; }
    /// <summary>The chained digest of all committed steps, lower-case hexadecimal.</summary>
    public required string StepDigest { get; init; }
    /// <summary>The digest of the committed samples, lower-case hexadecimal.</summary>
    public required string LedgerDigest { get; init; }
    /// <summary>SHA-256 over parameters, buffers and optimizer state in canonical order, lower-case hexadecimal.</summary>
    public required string WeightsDigest { get; init; }
    /// <summary>The resolved recipe, a JSON object.</summary>
    public required JsonElement Recipe { get; init; }
    /// <summary>The hash of the recipe, lower-case hexadecimal.</summary>
    public required string RecipeHash { get; init; }
    /// <summary>The fingerprint: everything besides the recipe that the bits depend on, such as library version, ISA class and threads, by name.</summary>
    public IReadOnlyDictionary<string, string> Fingerprint { get; init; } = new Dictionary<string, string>();
    /// <summary>The hash of the data set's content, lower-case hexadecimal.</summary>
    public required string DataHash { get; init; }
    /// <summary>The names of the classes in the order of the network's outputs.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];
    /// <summary>Measured values by name: <c>testAccuracy</c>, <c>bestTestAccuracy</c>, <c>trainLoss</c> and so on.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();
    /// <summary>The time of the save, for information only; no decision depends on it.</summary>
    public DateTimeOffset CreatedUtc { get; init; }

    /// <summary>Returns the first field with an impossible value, and the value; null if all values are possible.</summary>
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
        return Recipe.ValueKind != JsonValueKind.Object ? $"{nameof(Recipe)} is not a JSON object" : null;
    }

    internal static bool IsHex(string text) => text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'));
}
