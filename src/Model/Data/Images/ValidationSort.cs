namespace Spikeformer.Data.Images;

/// <summary>How to put images into their class folders.</summary>
public enum SortBy
{
    /// <summary>Moves the image.</summary>
    Move,
    /// <summary>Copies the image.</summary>
    Copy,
    /// <summary>Creates a symbolic link in the class folder.</summary>
    Link,
}

/// <summary>The result of a sort.</summary>
/// <param name="Sorted">Number of images moved, copied or linked.</param>
/// <param name="There">Number of images that were already in their class folder.</param>
/// <param name="Missing">Labelled images that were not found.</param>
/// <param name="Unlabelled">Number of source files without a label, which are left in place.</param>
public sealed record SortResult(int Sorted, int There, IReadOnlyList<string> Missing, int Unlabelled);

/// <summary>Sorts ImageNet's validation images, which are published in one folder, into class folders. A sort can be stopped at any time and started
/// again. It removes an image from its old place only when the new file is complete, and never overwrites a file.</summary>
public static class ValidationSort
{
    /// <summary>Sorts a folder.</summary>
    /// <param name="source">The folder of the images.</param>
    /// <param name="target">The folder for the class folders; may be the source.</param>
    /// <param name="labels">The class of each image, by file name without extension; see <see cref="ValidationLabels"/>.</param>
    /// <param name="by">Whether to move, copy or link the images.</param>
    /// <param name="cancellation">Ends the work between two images.</param>
    /// <exception cref="SpikeformerException">A folder cannot be used, or a different file has the target's name (Conflict). The message names
    /// it.</exception>
    public static SortResult Run(string source, string target, IReadOnlyDictionary<string, string> labels, SortBy by,
        CancellationToken cancellation = default)
    {
        if (!Directory.Exists(source)) throw new SpikeformerException(ErrorKind.NotFound, $"folder {source} does not exist", "Check --source");
        (int sorted, int there, int unlabelled) = (0, 0, 0);
        var missing = new HashSet<string>(labels.Keys, StringComparer.Ordinal);
        try
        {
            foreach (string wnid in labels.Values.Distinct()) AtomicFile.CreateDirectory(Path.Combine(target, wnid));
            foreach (string file in Directory.GetFiles(source).Order(StringComparer.Ordinal))
            {
                cancellation.ThrowIfCancellationRequested();
                string name = Path.GetFileName(file);
                if (AtomicFile.IsTemporary(name)) continue;
                if (!labels.TryGetValue(Path.GetFileNameWithoutExtension(name), out string? wnid))
                {
                    unlabelled++;
                    continue;
                }
                if (Place(file, Path.Combine(target, wnid, name), by)) sorted++;
                else there++;
                missing.Remove(Path.GetFileNameWithoutExtension(name));
            }
            foreach (string wnid in labels.Values.Distinct())
                foreach (string name in Directory.EnumerateFiles(Path.Combine(target, wnid)).Select(file => Path.GetFileNameWithoutExtension(file)))
                    if (labels.TryGetValue(name, out string? own) && own == wnid && missing.Remove(name)) there++;
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot sort {source} into {target}");
        }
        return new(sorted, there, [.. missing.Order(StringComparer.Ordinal)], unlabelled);
    }

    /// <returns>False if the image was already in its place.</returns>
    private static bool Place(string file, string to, SortBy by)
    {
        bool there = File.Exists(to);
        if (there && !HaveSameContent(file, to))
            throw new SpikeformerException(ErrorKind.Conflict, $"{to} exists and differs from {file}", "Keep the right one of the two and start again");
        if (!there && by == SortBy.Link) File.CreateSymbolicLink(to, Path.GetFullPath(file));
        if (!there && by == SortBy.Copy) Copy(file, to);
        // A rename is safe even if both names belong to one file, or the target is a link to the file: the file is never lost.
        if (by != SortBy.Move || Posix.TryRename(file, to)) return !there;
        if (!there) Copy(file, to);
        File.Delete(file);
        return !there;
    }

    private static void Copy(string file, string to) => AtomicFile.WriteOrThrow(to, stream =>
    {
        using FileStream from = File.OpenRead(file);
        from.CopyTo(stream);
    });

    private static bool HaveSameContent(string a, string b) => File.ReadAllBytes(a).AsSpan().SequenceEqual(File.ReadAllBytes(b));
}
