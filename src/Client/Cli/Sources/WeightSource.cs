using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Checkpoints.Torch;

namespace Spikeformer.Cli.Sources;

/// <summary>Weights to evaluate, and the recipe that they were trained with.</summary>
/// <param name="Name">Name of the run or file.</param>
/// <param name="Step">Committed steps, or null when unknown.</param>
/// <param name="Recipe">The recipe.</param>
/// <param name="DataPath">Folder of the training data, or null.</param>
/// <param name="ClassNames">Class names in the order of the network's outputs; null when unknown, then the order of the data.</param>
/// <param name="Tensors">Weights and running statistics.</param>
internal sealed record WeightSource(
    string Name, long? Step, Recipe Recipe, string? DataPath, IReadOnlyList<string>? ClassNames, IReadOnlyList<StateTensor> Tensors)
{
    /// <summary>Reads a checkpoint of a run: the one of the step, or the best, or else the newest.</summary>
    public static WeightSource OfRun(RunDirectory directory, long? step)
    {
        RunDescription description = directory.ReadDescription();
        Checkpoint checkpoint = RunCheckpoints.Choose(directory, step);
        return new(description.Run, checkpoint.Info.Step, RunDirectory.RecipeOf(description), description.DataPath, checkpoint.Info.ClassNames,
            [.. checkpoint.State.Where(tensor => tensor.Group == StateTensor.NetworkGroup)]);
    }

    /// <summary>Reads a file that <c>export</c> has written, which holds the recipe and the class names, or a file of <c>torch.save</c>, which holds
    /// neither.</summary>
    /// <param name="path">The file.</param>
    /// <param name="given">The recipe of weights from <c>torch.save</c>; null for an export.</param>
    /// <exception cref="SpikeformerException">The file does not exist or is damaged, or the recipe is missing or given twice.</exception>
    public static WeightSource OfFile(string path, Recipe? given)
    {
        if (TorchArchive.IsArchive(path))
        {
            TorchCheckpoint checkpoint = TorchArchive.Read(path);
            return new(Path.GetFileName(path), null, given
                ?? throw new SpikeformerException(ErrorKind.Usage, $"{path} does not hold the recipe that its weights were trained with", "Give it with --recipe"),
                null, null, checkpoint.Tensors);
        }
        if (given is not null)
            throw new SpikeformerException(ErrorKind.Usage, $"--recipe is for files of torch.save, and {path} is not one", "Leave out --recipe and --set: a file of 'export' holds its recipe");
        SafetensorsContent content = SafetensorsReader.ReadFile(path);
        if (!content.Metadata.TryGetValue("recipe", out string? recipe) || !content.Metadata.TryGetValue("classNames", out string? classNames))
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{path} holds no recipe and no class names",
                "Give a file that 'export' has written");
        long? step = content.Metadata.TryGetValue("step", out string? text) && long.TryParse(text, out long number) ? number : null;
        return new(Path.GetFileName(path), step, RecipeReader.Read(recipe, path), null, JsonSerializer.Deserialize<string[]>(classNames)!, content.Tensors);
    }
}
