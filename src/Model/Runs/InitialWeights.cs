using Spikeformer.Checkpoints;
using Spikeformer.Checkpoints.Torch;
using Spikeformer.Network;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>Weights and running statistics of another training, for a run to begin with. Nothing of its optimizer comes along.</summary>
/// <param name="Path">The file, or the folder of the checkpoint; absolute.</param>
/// <param name="Tensors">The network's tensors under the authors' names.</param>
public sealed record InitialWeights(string Path, IReadOnlyList<StateTensor> Tensors)
{
    /// <summary>Reads and verifies weights.</summary>
    /// <param name="path">A run directory, whose newest sound checkpoint is taken; the folder of a checkpoint; or a file that <c>export</c> or
    /// <c>torch.save</c> has written.</param>
    /// <exception cref="SpikeformerException">There are no weights (NotFound), or they are damaged (CheckFailed).</exception>
    public static InitialWeights Read(string path)
    {
        path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        if (File.Exists(path)) return new(path, TorchArchive.IsOne(path) ? TorchArchive.Read(path).Tensors : SafetensorsReader.ReadFile(path).Tensors);
        var run = new RunDirectory(path);
        string checkpoints = run.HasRun && run.ReadDescription().Checkpoints is { } elsewhere ? elsewhere : run.CheckpointsFolder;
        if (checkpoints.Contains("://", StringComparison.Ordinal))
            throw new SpikeformerException(ErrorKind.Usage, $"The run in {path} keeps its checkpoints in {checkpoints}", "Write one to a file with 'export', and give that");
        if (Directory.Exists(checkpoints)) return Of(checkpoints, new CheckpointStore(checkpoints).ReadNewest().Checkpoint!);
        if (Directory.Exists(path) && CheckpointId.TryParse(System.IO.Path.GetFileName(path), out CheckpointId id))
        {
            string folder = System.IO.Path.GetDirectoryName(path)!;
            return Of(folder, new CheckpointStore(folder).Read(id.Step, id.Lineage));
        }
        throw new SpikeformerException(ErrorKind.NotFound, $"{path} holds no weights to begin with",
            "Give a run directory, its checkpoints/step-N, or a file that 'export' or torch.save has written, as the workers see it");
    }

    /// <summary>The tensors in the order of a network.</summary>
    /// <param name="layout">The network's.</param>
    /// <exception cref="SpikeformerException">They are of another network (Conflict): names every tensor that is missing or of another shape.</exception>
    public IReadOnlyList<StateTensor> For(StateLayout layout) => CheckpointExport.Match(Tensors, TrainingState.NetworkSpecs(layout), Path);

    private static InitialWeights Of(string folder, Checkpoint checkpoint) =>
        new(System.IO.Path.Combine(folder, checkpoint.Id.Folder), [.. checkpoint.State.Where(tensor => tensor.Group == StateTensor.NetworkGroup)]);
}
