using System.Globalization;

namespace Spikeformer.Checkpoints;

/// <summary>Exports a network's weights from a checkpoint to a single safetensors file, and reads such files. PyTorch reads the weights under
/// the authors' names.</summary>
public static class CheckpointExport
{
    private const int DifferencesShown = 20;

    /// <summary>Writes the network's parameters and buffers of a checkpoint, without optimizer state, to one file.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="path">The file, which is replaced atomically. Its directory must exist.</param>
    /// <exception cref="SpikeformerException">The checkpoint has no network tensors (CheckFailed), or the file cannot be written.</exception>
    public static void Write(Checkpoint checkpoint, string path)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var weights = checkpoint.State.Where(tensor => tensor.Group == StateTensor.NetworkGroup).ToList();
        if (weights.Count == 0)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"Checkpoint {checkpoint.Id} has no tensors of a network",
                "Choose another checkpoint");
        var metadata = Metadata(checkpoint.Info);
        metadata["recipe"] = JsonSerializer.Serialize(checkpoint.Info.Recipe);
        metadata["classNames"] = JsonSerializer.Serialize(checkpoint.Info.ClassNames);
        metadata["weightsDigest"] = checkpoint.Info.WeightsDigest;
        AtomicFile.Write(path, stream => SafetensorsWriter.Write(stream, weights, metadata));
    }

    /// <summary>Reads a file of weights for a network.</summary>
    /// <param name="path">A safetensors file.</param>
    /// <param name="expected">The network's parameters and buffers.</param>
    /// <returns>The tensors in the order of <paramref name="expected"/>.</returns>
    /// <exception cref="SpikeformerException">The file cannot be read, is damaged (CheckFailed), or belongs to another network (Conflict, with
    /// the differences).</exception>
    public static IReadOnlyList<StateTensor> Read(string path, IReadOnlyList<TensorSpec> expected) =>
        Match(SafetensorsReader.ReadFile(path).Tensors, expected, path);

    /// <summary>Returns tensors in the order of a network or of a whole training state, and checks that they fit.</summary>
    /// <param name="tensors">The tensors, in any order.</param>
    /// <param name="expected">The expected tensors.</param>
    /// <param name="source">The source of the tensors, for the error message.</param>
    /// <returns>The tensors in the order of <paramref name="expected"/>.</returns>
    /// <exception cref="SpikeformerException">Tensors are missing, unexpected, or of another type or shape (Conflict). The message counts all
    /// differences and lists the first of each kind.</exception>
    public static IReadOnlyList<StateTensor> Match(IReadOnlyList<StateTensor> tensors, IReadOnlyList<TensorSpec> expected, string source)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(expected);
        var found = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        var wanted = expected.ToDictionary(spec => spec.Name, StringComparer.Ordinal);
        string[] differences =
        [
            .. Listed("missing", expected.Where(spec => !found.ContainsKey(spec.Name)).Select(spec => $"{spec.Name} {spec.Layout}")),
            .. Listed("unexpected", tensors.Where(tensor => !wanted.ContainsKey(tensor.Name))
                .Select(tensor => $"{tensor.Name} {tensor.Spec.Layout}")),
            .. Listed("different", tensors
                .Where(tensor => wanted.TryGetValue(tensor.Name, out var spec) && spec.Layout != tensor.Spec.Layout)
                .Select(tensor => $"{tensor.Name} is {tensor.Spec.Layout}, expected {wanted[tensor.Name].Layout}")),
        ];
        if (differences.Length > 0)
            throw new SpikeformerException(ErrorKind.Conflict, $"{source} belongs to another network:\n  {string.Join("\n  ", differences)}\n",
                "Choose a checkpoint of this network, or the recipe of the checkpoint");
        return [.. expected.Select(spec => found[spec.Name])];
    }

    /// <summary>Returns the metadata for the header of a file. Two saves of the same step have the same metadata.</summary>
    internal static Dictionary<string, string> Metadata(CheckpointInfo info) => new(StringComparer.Ordinal)
    {
        // The transformers library requires this before it loads a file.
        ["format"] = "pt",
        ["run"] = info.Run,
        ["step"] = info.Step.ToString(CultureInfo.InvariantCulture),
        ["recipeHash"] = info.RecipeHash,
    };

    private static IEnumerable<string> Listed(string kind, IEnumerable<string> differences)
    {
        var all = differences.ToList();
        if (all.Count == 0) yield break;
        yield return $"{all.Count} {kind}:";
        foreach (string difference in all.Take(DifferencesShown)) yield return "  " + difference;
        if (all.Count > DifferencesShown) yield return $"  and {all.Count - DifferencesShown} more";
    }
}
