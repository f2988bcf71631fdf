namespace Spikeformer.Data.Images;

/// <summary>A file of an image folder as the file system lists it.</summary>
/// <param name="Path">Its path below the folder, with '/'.</param>
/// <param name="Label">Its class.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Modified">When it was changed last, in 100 ns ticks of UTC.</param>
public readonly record struct ListedImage(string Path, int Label, long Bytes, long Modified);

/// <summary>
/// The files of a folder <c>train/CLASS/..</c> and <c>val/CLASS/..</c> (or <c>test</c>) in the order of torchvision's ImageFolder: classes by name,
/// then folders, then files, all by code point. Images are told by the end of their names; hidden files are left out.
/// </summary>
public sealed class ImageFolderListing
{
    /// <summary>Ends of names that torchvision takes for images, and <c>.gif</c>.</summary>
    private static readonly string[] s_extensions = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif"];

    private ImageFolderListing(string folder, string[] classes, ListedImage[] train, ListedImage[] test) =>
        (Folder, ClassNames, Train, Test) = (folder, classes, train, test);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Names of the class folders; the index of a name is its label.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Files of <c>train</c>.</summary>
    public IReadOnlyList<ListedImage> Train { get; }

    /// <summary>Files of <c>val</c>, or of <c>test</c>.</summary>
    public IReadOnlyList<ListedImage> Test { get; }

    /// <summary>Lists a folder.</summary>
    /// <exception cref="SpikeformerException">It is missing, cannot be read, or is laid out in another way; names the folder.</exception>
    public static ImageFolderListing Of(string folder)
    {
        if (!Directory.Exists(folder))
            throw new SpikeformerException(ErrorKind.NotFound, $"data folder {folder} does not exist", "Give the folder that holds train and val");
        try
        {
            string train = "train", test = Directory.Exists(Path.Combine(folder, "val")) ? "val" : "test";
            foreach (string part in (string[])[train, test])
                if (!Directory.Exists(Path.Combine(folder, part))) throw Layout($"{folder} has no folder {(part == train ? train : "val")}");
            string[] classes = Names(Path.Combine(folder, train)), tested = Names(Path.Combine(folder, test));
            if (classes.Length == 0) throw Layout($"{Path.Combine(folder, train)} holds no class folders");
            if (tested.Length == 0 && Directory.EnumerateFiles(Path.Combine(folder, test)).Any())
                throw new SpikeformerException(ErrorKind.Usage, $"{Path.Combine(folder, test)} holds files but no class folders",
                    "Sort ImageNet's validation images with 'data prepare imagenet-val'");
            if (classes.Except(tested).FirstOrDefault() is { } missing) throw Layout($"{Path.Combine(folder, test)} has no folder for class {missing}");
            if (tested.Except(classes).FirstOrDefault() is { } unknown) throw Layout($"{Path.Combine(folder, train)} has no folder for class {unknown}");
            return new(folder, classes, Files(folder, train, classes), Files(folder, test, classes));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SpikeformerException(ErrorKind.NotFound, $"{folder} cannot be read: {error.Message.TrimEnd('.')}",
                "Check that it exists and that you may read it", error);
        }
    }

    /// <summary>The files of a split.</summary>
    public IReadOnlyList<ListedImage> Of(Split split) => split == Split.Train ? Train : Test;

    private static ListedImage[] Files(string folder, string part, string[] classes)
    {
        var files = new List<ListedImage>();
        for (int label = 0; label < classes.Length; label++)
        {
            int before = files.Count;
            var folders = new List<string>();
            Collect(folder, $"{part}/{classes[label]}", folders);
            folders.Sort(StringComparer.Ordinal);
            foreach (string path in folders)
                files.AddRange(new DirectoryInfo(Path.Combine(folder, path)).EnumerateFiles()
                    .Where(file => !file.Name.StartsWith('.') && s_extensions.Contains(file.Extension, StringComparer.OrdinalIgnoreCase))
                    .OrderBy(file => file.Name, StringComparer.Ordinal)
                    .Select(file => new ListedImage($"{path}/{file.Name}", label, file.Length, file.LastWriteTimeUtc.Ticks)));
            if (files.Count == before) throw Layout($"{Path.Combine(folder, part, classes[label])} holds no images ({string.Join(", ", s_extensions)})");
        }
        return [.. files];
    }

    private static void Collect(string folder, string path, List<string> folders)
    {
        folders.Add(path);
        foreach (string name in Names(Path.Combine(folder, path))) Collect(folder, $"{path}/{name}", folders);
    }

    /// <summary>Names of the folders in a folder.</summary>
    private static string[] Names(string folder) =>
        [.. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal)];

    private static SpikeformerException Layout(string what) =>
        new(ErrorKind.Usage, what, "An image folder is laid out as train/CLASS/*.jpg and val/CLASS/*.jpg, with the same classes in both");
}
