using Spikeformer.Files;

namespace Spikeformer.Data.Images;

/// <summary>How images get into their class folders.</summary>
public enum SortBy
{
    /// <summary>The image leaves its old place.</summary>
    Move,
    /// <summary>The image stays where it is, too.</summary>
    Copy,
    /// <summary>The class folder gets a symbolic link.</summary>
    Link,
}

/// <summary>What a sort did.</summary>
/// <param name="Sorted">Images that were moved, copied or linked.</param>
/// <param name="There">Images that lay in their class folder already.</param>
/// <param name="Missing">Images with a label that lie nowhere.</param>
/// <param name="Unlabelled">Files of the source without a label; they stay.</param>
public sealed record SortResult(int Sorted, int There, IReadOnlyList<string> Missing, int Unlabelled);

/// <summary>
/// Sorts ImageNet's validation images, which come in one folder, into class folders. May be stopped at any time and started again; an image is
/// removed from its old place only when it is whole in the new one, and nothing is ever overwritten.
/// </summary>
public static class ValidationSort
{
    /// <summary>Sorts a folder.</summary>
    /// <param name="source">The folder of the images.</param>
    /// <param name="target">The folder of the class folders; may be the source.</param>
    /// <param name="labels">Class by image, named without ending: <see cref="ValidationLabels"/>.</param>
    /// <param name="by">How.</param>
    /// <param name="cancellation">Ends the work between two images.</param>
    /// <exception cref="SpikeformerException">A folder cannot be used, or another file is in the way; names it.</exception>
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

    /// <returns>False when it lay there already.</returns>
    private static bool Place(string file, string to, SortBy by)
    {
        bool there = File.Exists(to);
        if (there && !HaveSameContent(file, to))
            throw new SpikeformerException(ErrorKind.Conflict, $"{to} is another file than {file}", "Keep the right one and start again");
        if (!there && by == SortBy.Link) File.CreateSymbolicLink(to, Path.GetFullPath(file));
        if (!there && by == SortBy.Copy) Copy(file, to);
        // A rename is safe whatever there is: of one file under two names, or with a link to the file in its place, the file stays.
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
