using Spikeformer.Checkpoints;
using Spikeformer.Checkpoints.Torch;
using Spikeformer.Network;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>The weights and running statistics of another training that a run starts from, without its optimizer state.</summary>
/// <param name="Path">The absolute path of the file or of the checkpoint's folder.</param>
/// <param name="Tensors">The network's tensors under the authors' names.</param>
public sealed record InitialWeights(string Path, IReadOnlyList<StateTensor> Tensors)
{
    /// <summary>Reads and verifies weights.</summary>
    /// <param name="path">A run directory, whose newest valid checkpoint is read; the folder of a checkpoint; or a file written by <c>export</c> or
    /// <c>torch.save</c>.</param>
    /// <exception cref="SpikeformerException">There are no weights (NotFound), they are damaged (CheckFailed), or they are in an object store
    /// (Usage).</exception>
    public static InitialWeights Read(string path)
    {
        path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        if (File.Exists(path)) return new(path, TorchArchive.IsArchive(path) ? TorchArchive.Read(path).Tensors : SafetensorsReader.ReadFile(path).Tensors);
        var run = new RunDirectory(path);
        string checkpoints = run.HasRun && run.ReadDescription().Checkpoints is { } elsewhere ? elsewhere : run.CheckpointsFolder;
        if (checkpoints.Contains("://", StringComparison.Ordinal))
            throw new SpikeformerException(ErrorKind.Usage, $"The run in {path} keeps its checkpoints in {checkpoints}", "Write a checkpoint to a file with 'export', and give that file");
        if (Directory.Exists(checkpoints)) return Of(checkpoints, new CheckpointStore(checkpoints).ReadNewest().Checkpoint!);
        if (Directory.Exists(path) && CheckpointId.TryParse(System.IO.Path.GetFileName(path), out CheckpointId id))
        {
            string folder = System.IO.Path.GetDirectoryName(path)!;
            return Of(folder, new CheckpointStore(folder).Read(id.Step, id.Lineage));
        }
        throw new SpikeformerException(ErrorKind.NotFound, $"{path} contains no weights to start from",
            "Give the path, as the workers see it, of a run directory, of its checkpoints/step-N, or of a file written by 'export' or torch.save");
    }

    /// <summary>Returns the tensors in the order of a network.</summary>
    /// <param name="layout">The layout of the network.</param>
    /// <exception cref="SpikeformerException">The weights belong to another network (Conflict). The message lists the tensors that are missing or
    /// have another shape.</exception>
    public IReadOnlyList<StateTensor> For(StateLayout layout) => CheckpointExport.Match(Tensors, TrainingState.NetworkSpecs(layout), Path);

    private static InitialWeights Of(string folder, Checkpoint checkpoint) =>
        new(System.IO.Path.Combine(folder, checkpoint.Id.Folder), [.. checkpoint.State.Where(tensor => tensor.Group == StateTensor.NetworkGroup)]);
}
