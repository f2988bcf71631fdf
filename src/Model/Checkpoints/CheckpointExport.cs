using System.Globalization;
using System.Text.Json;
using Spikeformer.Files;

namespace Spikeformer.Checkpoints;

/// <summary>Moves a network's weights between checkpoints and single safetensors files, which PyTorch opens under the authors'
/// names.</summary>
public static class CheckpointExport
{
    private const int DifferencesShown = 20;

    /// <summary>Writes the network's parameters and buffers of a checkpoint, without optimizer state, into one file.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="path">The file; replaced atomically. Its directory must exist.</param>
    /// <exception cref="SpikeformerException">It holds no network tensors (CheckFailed), or the file system refuses.</exception>
    public static void Write(Checkpoint checkpoint, string path)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var weights = checkpoint.State.Where(tensor => tensor.Group == StateTensor.NetworkGroup).ToList();
        if (weights.Count == 0)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"Checkpoint {checkpoint.Id} holds no tensors of a network",
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
    /// <exception cref="SpikeformerException">The file cannot be read, is damaged (CheckFailed), or is of another network (Conflict, with
    /// all differences).</exception>
    public static IReadOnlyList<StateTensor> Read(string path, IReadOnlyList<TensorSpec> expected) =>
        Match(SafetensorsReader.ReadFile(path).Tensors, expected, path);

    /// <summary>Brings tensors into the order of a network, or of a whole training state, and refuses any that do not fit it.</summary>
    /// <param name="tensors">The tensors there are, in any order.</param>
    /// <param name="expected">The tensors there must be.</param>
    /// <param name="source">Where they come from, for the error.</param>
    /// <returns>The tensors in the order of <paramref name="expected"/>.</returns>
    /// <exception cref="SpikeformerException">Some are missing, unexpected, or of another type or shape (Conflict); all differences are
    /// counted, the first of each sort listed.</exception>
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
                .Select(tensor => $"{tensor.Name} is {tensor.Spec.Layout}, needed is {wanted[tensor.Name].Layout}")),
        ];
        if (differences.Length > 0)
            throw new SpikeformerException(ErrorKind.Conflict, $"{source} is of another network:\n  {string.Join("\n  ", differences)}\n",
                "Choose a checkpoint of this network, or the recipe that the checkpoint was made with");
        return [.. expected.Select(spec => found[spec.Name])];
    }

    /// <summary>What the header of a written file tells: nothing that differs between two saves of the same step.</summary>
    internal static Dictionary<string, string> Metadata(CheckpointInfo info) => new(StringComparer.Ordinal)
    {
        // Asked for by the transformers library before it loads a file.
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
