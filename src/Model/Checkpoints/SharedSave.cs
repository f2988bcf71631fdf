namespace Spikeformer.Checkpoints;

/// <summary>
/// A save that several workers write together: which slices are whose, who has reported them written and verified, and when to give up. Files
/// and clocks are the caller's.
/// </summary>
/// <remarks>
/// All that its writers write lies in a folder of its own, named after step and generation, in which a save happens at most once. When all have
/// reported, the lead moves the slices beside the manifest. So a writer that comes late, because it was frozen or its save was given up, writes
/// where nobody looks any more: whatever bits it has, they reach neither a checkpoint nor the next save of the same step. Within the folder each
/// file has one writer, and appears whole or not at all.
/// </remarks>
/// <param name="info">What is saved.</param>
/// <param name="state">Its tensors.</param>
/// <param name="plan">All slices of them.</param>
/// <param name="writers">Names of the workers that write, equal on all of them; the first is the lead.</param>
internal sealed class SharedSave(CheckpointInfo info, IReadOnlyList<TensorSpec> state, IReadOnlyList<Slice> plan, IReadOnlyList<string> writers)
{
    private const string FolderPrefix = "saving-";
    private readonly Dictionary<int, IReadOnlyList<ManifestSlice>> _written = [];

    /// <summary>Where its files lie until it is complete.</summary>
    public string Folder => $"{FolderPrefix}{info.Step}-{info.Generation.Nonce}";

    /// <summary>Those that have slices to write: fewer than were asked when there are not enough slices.</summary>
    public IReadOnlyList<string> Writers => [.. writers.Take(plan.Count)];

    /// <summary>Writers whose slices are not known to be written and verified.</summary>
    public IReadOnlyList<int> Missing => [.. Enumerable.Range(0, Writers.Count).Where(writer => !_written.ContainsKey(writer))];

    /// <summary>The slices as the manifest lists them, in canonical order; only when nobody is missing.</summary>
    public IReadOnlyList<ManifestSlice> Slices
    {
        get
        {
            var byFile = _written.Values.SelectMany(slices => slices).ToDictionary(slice => slice.File);
            return [.. plan.Select(slice => byFile[slice.File])];
        }
    }

    /// <summary>Whether a folder is that of some shared save.</summary>
    public static bool IsFolder(string folder) => folder.StartsWith(FolderPrefix, StringComparison.Ordinal);

    /// <summary>The file in which a writer tells what it has written: a manifest of its own slices.</summary>
    public static string ReportOf(int writer) => $"writer-{writer}.json";

    /// <summary>The file in which a writer tells why it cannot.</summary>
    public static string ComplaintOf(int writer) => $"writer-{writer}.failed";

    /// <summary>The slices that a writer writes.</summary>
    public IReadOnlyList<Slice> SlicesOf(int writer) => [.. plan.Where((_, index) => index % writers.Count == writer)];

    /// <summary>Notes that a writer has written and verified its slices.</summary>
    public void Written(int writer, IReadOnlyList<ManifestSlice> slices) => _written[writer] = slices;

    /// <summary>Takes in a writer's report.</summary>
    /// <exception cref="SaveAbandonedException">It is of another save, of other bits, or of other slices.</exception>
    public void Take(int writer, Manifest report)
    {
        CheckpointInfo said = report.Checkpoint;
        if ((said.Step, said.Generation) != (info.Step, info.Generation))
            throw Abandoned($"{writers[writer]} reports step {said.Step} of generation {said.Generation.Number}", isCalledOff: false);
        if ((said.StepDigest, said.LedgerDigest) != (info.StepDigest, info.LedgerDigest))
            throw Abandoned($"{writers[writer]} has written other bits of the step", isCalledOff: false);
        IReadOnlyList<Slice> due = SlicesOf(writer);
        if (report.Slices.Count != due.Count || !report.Slices.Zip(due).All(pair => IsSame(pair.First, pair.Second)))
            throw Abandoned($"{writers[writer]} has written other slices than its own", isCalledOff: false);
        Written(writer, report.Slices);
    }

    /// <summary>Gives up when there is nothing more to wait for.</summary>
    /// <param name="isCalledOff">Whether the save's generation has ended by a loss, or its lead leaves.</param>
    /// <param name="idle">For how long nothing new has been written.</param>
    /// <param name="patience">For how long that may be.</param>
    /// <exception cref="SaveAbandonedException">Somebody is missing, and the save was called off or nothing has come for too long.</exception>
    public void GiveUpIfHopeless(bool isCalledOff, TimeSpan idle, TimeSpan patience)
    {
        if (Missing.Count == 0) return;
        string missing = string.Join(", ", Missing.Select(writer => writers[writer]));
        if (isCalledOff) throw Abandoned($"it was called off before {missing} had written", isCalledOff: true);
        if (idle > patience) throw Abandoned($"nothing has come from {missing} for {idle.TotalSeconds:0} s", isCalledOff: false);
    }

    /// <summary>The end of this save.</summary>
    /// <param name="reason">Why, a clause.</param>
    /// <param name="isCalledOff">See <see cref="SaveAbandonedException.IsCalledOff"/>.</param>
    public SaveAbandonedException Abandoned(string reason, bool isCalledOff) =>
        new($"The checkpoint of step {info.Step} was abandoned, earlier ones are untouched: {reason}", isCalledOff);

    private bool IsSame(ManifestSlice written, Slice due) =>
        written.File == due.File && written.Tensors.SequenceEqual(due.Tensors.Select(tensor => state[tensor].Name));
}
