using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Files;
using Spikeformer.Recipes;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>A lineage: from a step on the run went on with something changed, by a user's wish.</summary>
/// <param name="Number">From 1; the run began with lineage 0.</param>
/// <param name="Start">Committed steps when it began.</param>
/// <param name="RecipeHashBefore">Hash of the recipe until then.</param>
/// <param name="Changes">What was changed.</param>
/// <param name="BegunUtc">When; for people only.</param>
public sealed record Lineage(int Number, long Start, string RecipeHashBefore, IReadOnlyList<RunDifference> Changes, DateTimeOffset BegunUtc);

/// <summary>What a run is, as its directory's <c>run.json</c> tells: written when the run begins, and when it goes on with something changed.</summary>
public sealed record RunDescription
{
    /// <summary>Layout of this file; 1.</summary>
    public int SchemaVersion { get; init; } = 1;
    /// <summary>Name of the run.</summary>
    public required string Run { get; init; }
    /// <summary>The resolved recipe, canonical JSON.</summary>
    public required JsonElement Recipe { get; init; }
    /// <summary>Its hash.</summary>
    public required string RecipeHash { get; init; }
    /// <summary>Folder of the data as the workers see it; null for synthetic data.</summary>
    public string? DataPath { get; init; }
    /// <summary>Content hash of the data set.</summary>
    public required string DataHash { get; init; }
    /// <summary>Numerics of the machine that began the run.</summary>
    public required IReadOnlyDictionary<string, string> Fingerprint { get; init; }
    /// <summary>Class names in label order.</summary>
    public required IReadOnlyList<string> ClassNames { get; init; }
    /// <summary>The weights that the run began with; null for fresh ones.</summary>
    public RunOrigin? Origin { get; init; }
    /// <summary>When the run began; for people only.</summary>
    public DateTimeOffset CreatedUtc { get; init; }
    /// <summary>Which start began it: a later worker of that start goes on here, any other start is refused.</summary>
    public Guid StartId { get; init; }
    /// <summary>Where its checkpoints lie, an address or a folder; null for <c>checkpoints</c> in the run directory.</summary>
    public string? Checkpoints { get; init; }
    /// <summary>The lineages after the first, in their order.</summary>
    public IReadOnlyList<Lineage> Lineages { get; init; } = [];

    /// <summary>The recipe's hash in a lineage.</summary>
    public string RecipeHashIn(int lineage) => Lineages.FirstOrDefault(later => later.Number > lineage)?.RecipeHashBefore ?? RecipeHash;

    /// <summary>A run as it would be described in this process.</summary>
    /// <param name="run">Its name.</param>
    /// <param name="recipe">Its recipe.</param>
    /// <param name="dataPath">Folder of the data, or null.</param>
    /// <param name="dataset">The data.</param>
    /// <param name="now">The time, for people.</param>
    /// <param name="device">Where this process computes; null stands for the CPU.</param>
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

    /// <summary>What a checkpoint of this run tells about a state, but for the digest of its weights.</summary>
    /// <param name="state">The state at a commit boundary.</param>
    /// <param name="progress">Averages and best values.</param>
    /// <param name="stepsPerEpoch">Steps of an epoch.</param>
    /// <param name="generation">The generation that saves it.</param>
    /// <param name="now">The time, for people.</param>
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

/// <summary>A run's files on disk. The names are fixed: tools and people look for them.</summary>
/// <param name="path">The directory.</param>
public sealed class RunDirectory(string path)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true, RespectRequiredConstructorParameters = true };

    /// <summary>The directory, absolute.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);
    /// <summary>The description of the run.</summary>
    public string DescriptionFile => In("run.json");
    /// <summary>One line per committed step.</summary>
    public string StepsFile => In("steps.jsonl");
    /// <summary>One line per thing worth knowing: start, resume, checkpoint, evaluation, trouble.</summary>
    public string EventsFile => In("events.jsonl");
    /// <summary>One line per evaluated epoch.</summary>
    public string EpochsFile => In("epochs.csv");
    /// <summary>Event files for TensorBoard, of training and of evaluation.</summary>
    public string TensorBoardFolder => In("tensorboard");
    /// <summary>The checkpoints.</summary>
    public string CheckpointsFolder => In("checkpoints");

    /// <summary>Whether a run lives here.</summary>
    public bool HasRun => File.Exists(DescriptionFile);

    /// <summary>Makes sure that a run can begin here.</summary>
    /// <exception cref="SpikeformerException">A run lives here already (Conflict).</exception>
    public void RequireNoRun()
    {
        if (HasRun)
            throw new SpikeformerException(ErrorKind.Conflict, $"{Path} already holds the run {ReadDescription().Run}",
                $"Continue it with 'resume --out {Path}', or choose another --out");
    }

    /// <summary>Writes the description of a new run.</summary>
    /// <exception cref="SpikeformerException">A run lives here already, or the directory cannot be written.</exception>
    public void Begin(RunDescription description)
    {
        RequireNoRun();
        Write(description);
    }

    /// <summary>Replaces the description of a run that goes on with something changed.</summary>
    /// <exception cref="SpikeformerException">The directory cannot be written.</exception>
    public void Write(RunDescription description)
    {
        try
        {
            AtomicFile.WriteAllText(DescriptionFile, JsonSerializer.Serialize(description, s_json) + "\n");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SpikeformerException(ErrorKind.Failed, $"{DescriptionFile} cannot be written: {error.Message.TrimEnd('.')}",
                "Free space or choose another --out", error);
        }
    }

    /// <summary>Reads the description of the run.</summary>
    /// <exception cref="SpikeformerException">There is none, or it is damaged.</exception>
    public RunDescription ReadDescription()
    {
        if (!HasRun)
            throw new SpikeformerException(ErrorKind.NotFound, $"{Path} holds no run: there is no run.json", "Check --out, or begin one with 'train'");
        try
        {
            return JsonSerializer.Deserialize<RunDescription>(File.ReadAllBytes(DescriptionFile), s_json) is { SchemaVersion: 1 } description
                ? description
                : throw new SpikeformerException(ErrorKind.CheckFailed, $"{DescriptionFile} is not of schema version 1", "Use the version that began the run");
        }
        catch (JsonException error)
        {
            throw new SpikeformerException(ErrorKind.CheckFailed,
                $"{DescriptionFile} is damaged at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}: {error.Message.TrimEnd('.')}",
                "Restore it from a copy; every checkpoint manifest holds the recipe too", error);
        }
    }

    /// <summary>The run's recipe as it was resolved at the beginning.</summary>
    public static Recipe RecipeOf(RunDescription description) => RecipeReader.Read(description.Recipe.GetRawText(), "run.json");

    /// <summary>Creates the directory and takes its lock: one owner at a time.</summary>
    /// <param name="start">Which start of the run the owner serves.</param>
    /// <exception cref="SpikeformerException">Another process owns it, or it cannot be created.</exception>
    public RunLock Lock(Guid start) => TryLock(start, out DirectoryOwner owner) ?? throw RunLock.InUse(Path, owner);

    /// <summary>The same, but null when another process owns it.</summary>
    /// <param name="start">Which start of the run the owner serves.</param>
    /// <param name="owner">Who owns it, when the result is null.</param>
    /// <exception cref="SpikeformerException">It cannot be created.</exception>
    public RunLock? TryLock(Guid start, out DirectoryOwner owner)
    {
        AtomicFile.CreateDirectory(Path);
        return RunLock.TryAcquire(Path, start, out owner);
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
