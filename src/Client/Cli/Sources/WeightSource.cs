using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Checkpoints.Torch;
using Spikeformer.Recipes;
using Spikeformer.Runs;

namespace Spikeformer.Cli.Sources;

/// <summary>Weights that are to be looked at, and what they were trained as.</summary>
/// <param name="Name">Where they come from, for people.</param>
/// <param name="Step">Committed steps, or null where nothing tells.</param>
/// <param name="Recipe">The recipe.</param>
/// <param name="DataPath">Folder of the data that they were trained on, or null.</param>
/// <param name="ClassNames">Class names in the order of the network's outputs; null where nothing tells, then that of the data.</param>
/// <param name="Tensors">Weights and running statistics.</param>
internal sealed record WeightSource(
    string Name, long? Step, Recipe Recipe, string? DataPath, IReadOnlyList<string>? ClassNames, IReadOnlyList<StateTensor> Tensors)
{
    /// <summary>A checkpoint of a run: that of a step, else the best, else the newest.</summary>
    public static WeightSource OfRun(RunDirectory directory, long? step)
    {
        RunDescription description = directory.ReadDescription();
        Checkpoint checkpoint = RunCheckpoints.Choose(directory, step);
        return new(description.Run, checkpoint.Info.Step, RunDirectory.RecipeOf(description), description.DataPath, checkpoint.Info.ClassNames,
            [.. checkpoint.State.Where(tensor => tensor.Group == StateTensor.NetworkGroup)]);
    }

    /// <summary>A file that <c>export</c> has written, which holds recipe and class names; or one of <c>torch.save</c>, which holds neither.</summary>
    /// <param name="path">The file.</param>
    /// <param name="given">What weights of <c>torch.save</c> were trained as; else null.</param>
    /// <exception cref="SpikeformerException">It does not exist, is damaged, or does not tell what it should.</exception>
    public static WeightSource OfFile(string path, Recipe? given)
    {
        if (TorchArchive.IsArchive(path))
        {
            TorchCheckpoint checkpoint = TorchArchive.Read(path);
            return new(Path.GetFileName(path), null, given
                ?? throw new SpikeformerException(ErrorKind.Usage, $"{path} does not tell the recipe that its weights were trained with", "Give it with --recipe"),
                null, null, checkpoint.Tensors);
        }
        if (given is not null)
            throw new SpikeformerException(ErrorKind.Usage, $"--recipe is for files of torch.save; {path} is none", "Leave --recipe and --set out: a file of 'export' holds its recipe");
        SafetensorsContent content = SafetensorsReader.ReadFile(path);
        if (!content.Metadata.TryGetValue("recipe", out string? recipe) || !content.Metadata.TryGetValue("classNames", out string? classNames))
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{path} does not tell the recipe and the class names that its weights were trained with",
                "Give a file that 'export' has written");
        long? step = content.Metadata.TryGetValue("step", out string? text) && long.TryParse(text, out long number) ? number : null;
        return new(Path.GetFileName(path), step, RecipeReader.Read(recipe, path), null, JsonSerializer.Deserialize<string[]>(classNames)!, content.Tensors);
    }
}
