using Spikeformer.Checkpoints;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>A lineage of a run. Each lineage starts where a user changed the run.</summary>
/// <param name="Number">The number, from 1; the run started with lineage 0.</param>
/// <param name="Start">The number of committed steps when it started.</param>
/// <param name="RecipeHashBefore">The hash of the recipe before the change.</param>
/// <param name="Changes">The changes.</param>
/// <param name="BegunUtc">The time of the change, for information only.</param>
public sealed record Lineage(int Number, long Start, string RecipeHashBefore, IReadOnlyList<RunDifference> Changes, DateTimeOffset BegunUtc);

/// <summary>The description of a run in <c>run.json</c> of its directory. It is written when the run starts and when the run continues with changes.</summary>
public sealed record RunDescription
{
    /// <summary>The version of the file's schema, 1.</summary>
    public int SchemaVersion { get; init; } = 1;
    /// <summary>The name of the run.</summary>
    public required string Run { get; init; }
    /// <summary>The resolved recipe, canonical JSON.</summary>
    public required JsonElement Recipe { get; init; }
    /// <summary>The hash of the recipe, lower-case hexadecimal.</summary>
    public required string RecipeHash { get; init; }
    /// <summary>The folder of the data, as the workers see it; null for synthetic data.</summary>
    public string? DataPath { get; init; }
    /// <summary>The hash of the data set's content, lower-case hexadecimal.</summary>
    public required string DataHash { get; init; }
    /// <summary>The numerics fingerprint of the machine that started the run.</summary>
    public required IReadOnlyDictionary<string, string> Fingerprint { get; init; }
    /// <summary>The class names in label order.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }
    /// <summary>The weights that the run started from; null for newly initialised weights.</summary>
    public RunOrigin? Origin { get; init; }
    /// <summary>The time when the run started, for information only.</summary>
    public DateTimeOffset CreatedUtc { get; init; }
    /// <summary>The identity of the start that created the run. Later workers of this start continue the run; other starts are refused.</summary>
    public Guid StartId { get; init; }
    /// <summary>The address or folder of the checkpoints; null for <c>checkpoints</c> in the run directory.</summary>
    public string? Checkpoints { get; init; }
    /// <summary>The lineages after the first, in order.</summary>
    public IReadOnlyList<Lineage> Lineages { get; init; } = [];

    /// <summary>Returns the hash of the recipe in a lineage.</summary>
    public string RecipeHashIn(int lineage) => Lineages.FirstOrDefault(later => later.Number > lineage)?.RecipeHashBefore ?? RecipeHash;

    /// <summary>Describes a run in this process.</summary>
    /// <param name="run">The name of the run.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="dataPath">The folder of the data; null for synthetic data.</param>
    /// <param name="dataset">The data set.</param>
    /// <param name="now">The time, for information only.</param>
    /// <param name="device">The device of this process; null for the CPU.</param>
    public static RunDescription Of(string run, Recipe recipe, string? dataPath, Data.IDataset dataset, DateTimeOffset now, Devices.ComputeDevice? device = null) => new()
    {
        Run = run,
        Recipe = JsonDocument.Parse(RecipeWriter.ToCanonical(recipe)).RootElement,
        RecipeHash = RecipeWriter.Hash(recipe),
        DataPath = dataPath is null ? null : System.IO.Path.GetFullPath(dataPath),
        DataHash = dataset.ContentHash,
        Fingerprint = NumericsFingerprint.OfThisProcess(recipe, device).Fields,
        ClassNames = dataset.ClassNames,
        CreatedUtc = now,
    };

    /// <summary>Describes a state for a checkpoint of this run, without the digest of its weights.</summary>
    /// <param name="state">The state at a commit boundary.</param>
    /// <param name="progress">Averages and best values.</param>
    /// <param name="stepsPerEpoch">The number of steps of an epoch.</param>
    /// <param name="generation">The generation that saves the state.</param>
    /// <param name="now">The time, for information only.</param>
    internal CheckpointInfo InfoOf(TrainingState state, TrainingProgress progress, int stepsPerEpoch, GenerationId generation, DateTimeOffset now) => new()
    {
        Run = Run,
        Lineage = Lineages.Count,
        LineageStart = Lineages.LastOrDefault()?.Start ?? 0,
        Generation = generation,
        Step = state.Step,
        Epoch = (int)(state.Step / stepsPerEpoch),
        StepInEpoch = (int)(state.Step % stepsPerEpoch),
        AppliedUpdates = state.AppliedUpdates,
        StepDigest = state.Digest,
        LedgerDigest = state.Ledger.ToString("x16"),
        WeightsDigest = "",
        Recipe = Recipe,
        RecipeHash = RecipeHash,
        Fingerprint = Fingerprint,
        DataHash = DataHash,
        ClassNames = ClassNames,
        Metrics = progress.Metrics(),
        CreatedUtc = now,
    };
}
