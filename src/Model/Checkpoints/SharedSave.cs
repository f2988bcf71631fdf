namespace Spikeformer.Checkpoints;

/// <summary>The plan and progress of a save that several workers share: which slices each worker writes, which workers have reported theirs, and when to give
/// up. The caller handles files and time.</summary>
/// <remarks>All writers write to a folder of the save's own, named after step and generation. A save happens at most once in each folder. When all have
/// reported, the lead moves the slices next to the manifest. So a writer that is late, because it was frozen or its save was abandoned, writes to a folder that
/// is no longer read: even if its bits are wrong, they reach neither a checkpoint nor the next save of the same step. Within the folder, each file has one
/// writer and appears completely or not at all.</remarks>
/// <param name="info">The description of the state.</param>
/// <param name="state">The names, types and shapes of its tensors.</param>
/// <param name="plan">All slices of the state.</param>
/// <param name="writers">The names of the writing workers, in the same order on all of them; the first is the lead.</param>
internal sealed class SharedSave(CheckpointInfo info, IReadOnlyList<TensorSpec> state, IReadOnlyList<Slice> plan, IReadOnlyList<string> writers)
{
    private const string FolderPrefix = "saving-";
    private readonly Dictionary<int, IReadOnlyList<ManifestSlice>> _written = [];

    /// <summary>The folder of its files until it is complete.</summary>
    public string Folder => $"{FolderPrefix}{info.Step}-{info.Generation.Nonce}";

    /// <summary>The workers that have slices to write. There are fewer than requested if there are too few slices.</summary>
    public IReadOnlyList<string> Writers => [.. writers.Take(plan.Count)];

    /// <summary>The writers that have not reported their slices yet.</summary>
    public IReadOnlyList<int> Missing => [.. Enumerable.Range(0, Writers.Count).Where(writer => !_written.ContainsKey(writer))];

    /// <summary>The slices as the manifest lists them, in canonical order. Valid only when no writer is missing.</summary>
    public IReadOnlyList<ManifestSlice> Slices
    {
        get
        {
            var byFile = _written.Values.SelectMany(slices => slices).ToDictionary(slice => slice.File);
            return [.. plan.Select(slice => byFile[slice.File])];
        }
    }

    /// <summary>Returns whether a folder is that of a shared save.</summary>
    public static bool IsFolder(string folder) => folder.StartsWith(FolderPrefix, StringComparison.Ordinal);

    /// <summary>Returns the name of the file in which a writer reports its slices, as a manifest.</summary>
    public static string ReportFile(int writer) => $"writer-{writer}.json";

    /// <summary>Returns the name of the file in which a writer reports its failure.</summary>
    public static string FailureFile(int writer) => $"writer-{writer}.failed";

    /// <summary>Returns the slices that a writer writes.</summary>
    public IReadOnlyList<Slice> SlicesOf(int writer) => [.. plan.Where((_, index) => index % writers.Count == writer)];

    /// <summary>Records the slices that a writer has written and verified.</summary>
    public void AddSlices(int writer, IReadOnlyList<ManifestSlice> slices) => _written[writer] = slices;

    /// <summary>Checks a writer's report and records its slices.</summary>
    /// <exception cref="SaveAbandonedException">The report belongs to another save, to other bits, or to other slices.</exception>
    public void AddReport(int writer, Manifest report)
    {
        CheckpointInfo said = report.Checkpoint;
        if ((said.Step, said.Generation) != (info.Step, info.Generation))
            throw Abandoned($"{writers[writer]} reports step {said.Step} of generation {said.Generation.Number}", isCalledOff: false);
        if ((said.StepDigest, said.LedgerDigest) != (info.StepDigest, info.LedgerDigest))
            throw Abandoned($"{writers[writer]} wrote other bits of the step", isCalledOff: false);
        IReadOnlyList<Slice> due = SlicesOf(writer);
        if (report.Slices.Count != due.Count || !report.Slices.Zip(due).All(pair => IsSame(pair.First, pair.Second)))
            throw Abandoned($"{writers[writer]} wrote slices of another writer", isCalledOff: false);
        AddSlices(writer, report.Slices);
    }

    /// <summary>Gives up if the missing writers need not be waited for any longer.</summary>
    /// <param name="isCalledOff">Whether the save's generation has lost a worker, or its lead is leaving.</param>
    /// <param name="idle">The time since the last new file.</param>
    /// <param name="patience">The limit of that time.</param>
    /// <exception cref="SaveAbandonedException">A writer is missing, and the save was called off or has been idle for too long.</exception>
    public void GiveUpIfHopeless(bool isCalledOff, TimeSpan idle, TimeSpan patience)
    {
        if (Missing.Count == 0) return;
        string missing = string.Join(", ", Missing.Select(writer => writers[writer]));
        if (isCalledOff) throw Abandoned($"it was called off before {missing} had finished writing", isCalledOff: true);
        if (idle > patience) throw Abandoned($"nothing received from {missing} for {idle.TotalSeconds:0} s", isCalledOff: false);
    }

    /// <summary>Creates the error that ends this save.</summary>
    /// <param name="reason">The reason, a clause.</param>
    /// <param name="isCalledOff">See <see cref="SaveAbandonedException.IsCalledOff"/>.</param>
    public SaveAbandonedException Abandoned(string reason, bool isCalledOff) =>
        new($"The checkpoint of step {info.Step} was abandoned (earlier ones are untouched): {reason}", isCalledOff);

    private bool IsSame(ManifestSlice written, Slice due) =>
        written.File == due.File && written.Tensors.SequenceEqual(due.Tensors.Select(tensor => state[tensor].Name));
}
