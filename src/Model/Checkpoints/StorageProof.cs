namespace Spikeformer.Checkpoints;

/// <summary>
/// Shows the members of a generation whether they share the lead's storage: the lead leaves a file under the generation's nonce, and who finds
/// it reads where the lead writes. The other direction shows in the first save: the lead finds the others' slices, or gives it up.
/// </summary>
/// <remarks>All methods may throw what <see cref="ICheckpointFiles"/> throws.</remarks>
/// <param name="files">The storage.</param>
public sealed class StorageProof(ICheckpointFiles files)
{
    private const string FolderPrefix = "shared-", FileName = "proof";
    private string? _left;

    /// <summary>Leaves the proof of a generation, in place of all earlier ones.</summary>
    public void Leave(GenerationId generation)
    {
        _left = FolderOf(generation);
        files.Write(_left, FileName, _ => { });
        foreach (string folder in files.Folders())
            if (folder.StartsWith(FolderPrefix, StringComparison.Ordinal) && folder != _left) files.DeleteFolder(folder);
    }

    /// <summary>Whether the proof of a generation is here.</summary>
    public bool IsHere(GenerationId generation) => files.Files(FolderOf(generation)).Contains(FileName);

    /// <summary>Takes back what was left last.</summary>
    public void TakeBack()
    {
        if (_left is not null) files.DeleteFolder(_left);
        _left = null;
    }

    private static string FolderOf(GenerationId generation) => FolderPrefix + generation.Nonce;
}
