using Spikeformer.Checkpoints;

namespace Spikeformer.Runs;

/// <summary>The files of a run on disk. Their names are fixed, since tools and people rely on them.</summary>
/// <param name="path">The directory.</param>
public sealed class RunDirectory(string path)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true, RespectRequiredConstructorParameters = true };

    /// <summary>The absolute path of the directory.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);
    /// <summary>The description of the run.</summary>
    public string DescriptionFile => In("run.json");
    /// <summary>One line per committed step.</summary>
    public string StepsFile => In("steps.jsonl");
    /// <summary>One line per event: start, resume, checkpoint, evaluation, problem.</summary>
    public string EventsFile => In("events.jsonl");
    /// <summary>One line per evaluated epoch.</summary>
    public string EpochsFile => In("epochs.csv");
    /// <summary>The event files for TensorBoard, of training and of evaluation.</summary>
    public string TensorBoardFolder => In("tensorboard");
    /// <summary>The folder of the checkpoints.</summary>
    public string CheckpointsFolder => In("checkpoints");

    /// <summary>Whether the directory contains a run.</summary>
    public bool HasRun => File.Exists(DescriptionFile);

    /// <summary>Throws if the directory contains a run.</summary>
    /// <exception cref="SpikeformerException">The directory contains a run (Conflict).</exception>
    public void RequireNoRun()
    {
        if (HasRun)
            throw new SpikeformerException(ErrorKind.Conflict, $"{Path} already contains the run {ReadDescription().Run}",
                $"Continue it with 'resume --out {Path}', or choose another --out");
    }

    /// <summary>Writes the description of a new run.</summary>
    /// <exception cref="SpikeformerException">The directory already contains a run (Conflict), or cannot be written (Failed).</exception>
    public void Begin(RunDescription description)
    {
        RequireNoRun();
        Write(description);
    }

    /// <summary>Writes the description of a run that continues with changes.</summary>
    /// <exception cref="SpikeformerException">The directory cannot be written (Failed).</exception>
    public void Write(RunDescription description)
    {
        try
        {
            AtomicFile.WriteAllText(DescriptionFile, JsonSerializer.Serialize(description, s_json) + "\n");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SpikeformerException(ErrorKind.Failed, $"Cannot write {DescriptionFile}: {error.Message.TrimEnd('.')}",
                "Free space, or choose another --out", error);
        }
    }

    /// <summary>Reads the description of the run.</summary>
    /// <exception cref="SpikeformerException">The directory contains no run (NotFound), or the description is damaged (CheckFailed).</exception>
    public RunDescription ReadDescription()
    {
        if (!HasRun)
            throw new SpikeformerException(ErrorKind.NotFound, $"{Path} contains no run: run.json is missing", "Check --out, or start a run with 'train'");
        try
        {
            return JsonSerializer.Deserialize<RunDescription>(File.ReadAllBytes(DescriptionFile), s_json) is { SchemaVersion: 1 } description
                ? description
                : throw new SpikeformerException(ErrorKind.CheckFailed, $"{DescriptionFile} does not have schema version 1", "Use the version of Spikeformer that started the run");
        }
        catch (JsonException error)
        {
            throw new SpikeformerException(ErrorKind.CheckFailed,
                $"{DescriptionFile} is damaged at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}: {error.Message.TrimEnd('.')}",
                "Restore it from a copy; every checkpoint manifest also contains the recipe", error);
        }
    }

    /// <summary>Parses the recipe of a description.</summary>
    /// <exception cref="SpikeformerException">The recipe is not valid.</exception>
    public static Recipe RecipeOf(RunDescription description) => RecipeReader.Read(description.Recipe.GetRawText(), "run.json");

    /// <summary>Creates the directory and takes its lock, which has one owner at a time.</summary>
    /// <param name="start">The start of the run that the owner serves.</param>
    /// <exception cref="SpikeformerException">Another process owns the directory (Conflict), or it cannot be created.</exception>
    public RunLock Lock(Guid start) => TryLock(start, out DirectoryOwner owner) ?? throw RunLock.InUse(Path, owner);

    /// <summary>Creates the directory and takes its lock. Returns null if another process owns it.</summary>
    /// <param name="start">The start of the run that the owner serves.</param>
    /// <param name="owner">The owner, if the result is null.</param>
    /// <exception cref="SpikeformerException">The directory cannot be created.</exception>
    public RunLock? TryLock(Guid start, out DirectoryOwner owner)
    {
        AtomicFile.CreateDirectory(Path);
        return RunLock.TryAcquire(Path, start, out owner);
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
