namespace Spikeformer.Data.Images;

/// <summary>A file of an image folder, as listed by the file system.</summary>
/// <param name="Path">Path relative to the folder, with '/'.</param>
/// <param name="Label">Index of the class.</param>
/// <param name="Bytes">Size in bytes.</param>
/// <param name="Modified">Modification time in UTC ticks of 100 ns.</param>
public readonly record struct ListedImage(string Path, int Label, long Bytes, long Modified);

/// <summary>
/// The files of a folder with <c>train/CLASS/..</c> and <c>val/CLASS/..</c> (or <c>test/CLASS/..</c>), in the order of torchvision's ImageFolder:
/// sorted by class, then by folder, then by file name, all by code point. Includes files with the extension of an image format, except hidden ones.
/// </summary>
public sealed class ImageFolderListing
{
    /// <summary>The extensions that torchvision accepts, and <c>.gif</c>.</summary>
    private static readonly string[] s_extensions = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif"];

    private ImageFolderListing(string folder, string[] classes, ListedImage[] train, ListedImage[] test) =>
        (Folder, ClassNames, Train, Test) = (folder, classes, train, test);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Names of the class folders. The index of a name is its label.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The files of <c>train</c>.</summary>
    public IReadOnlyList<ListedImage> Train { get; }

    /// <summary>The files of <c>val</c>, or of <c>test</c> if there is no <c>val</c>.</summary>
    public IReadOnlyList<ListedImage> Test { get; }

    /// <summary>Lists a folder.</summary>
    /// <exception cref="SpikeformerException">The folder is missing, cannot be read, or has another layout. The message names the folder.</exception>
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
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.CannotRead(folder, error);
        }
    }

    /// <summary>Returns the files of a split.</summary>
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

    /// <summary>Returns the names of the subfolders, sorted by code point, without hidden ones.</summary>
    private static string[] Names(string folder) =>
        [.. Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal)];

    private static SpikeformerException Layout(string what) =>
        new(ErrorKind.Usage, what, "An image folder has train/CLASS/*.jpg and val/CLASS/*.jpg, with the same classes in both");
}
