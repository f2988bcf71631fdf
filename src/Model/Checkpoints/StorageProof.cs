namespace Spikeformer.Checkpoints;

/// <summary>Tells the members of a generation whether they share the lead's storage. The lead writes a proof file named after the generation's nonce; a member
/// that finds it reads the lead's storage. Whether the lead reads a member's storage shows in the first shared save: it finds the member's slices, or abandons
/// the save.</summary>
/// <remarks>All methods may throw the exceptions of <see cref="ICheckpointFiles"/>.</remarks>
/// <param name="files">The storage.</param>
internal sealed class StorageProof(ICheckpointFiles files)
{
    private const string FolderPrefix = "shared-", FileName = "proof";
    private string? _written;

    /// <summary>Writes the proof of a generation and removes all earlier proofs.</summary>
    public void Write(GenerationId generation)
    {
        _written = FolderOf(generation);
        files.Write(_written, FileName, _ => { });
        foreach (string folder in files.Folders())
            if (folder.StartsWith(FolderPrefix, StringComparison.Ordinal) && folder != _written) files.DeleteFolder(folder);
    }

    /// <summary>Returns whether the proof of a generation exists.</summary>
    public bool Exists(GenerationId generation) => files.Files(FolderOf(generation)).Contains(FileName);

    /// <summary>Deletes the proof that was written last.</summary>
    public void Delete()
    {
        if (_written is not null) files.DeleteFolder(_written);
        _written = null;
    }

    private static string FolderOf(GenerationId generation) => FolderPrefix + generation.Nonce;
}
