namespace Spikeformer.Data.Recordings;

/// <summary>A sample's file in a class folder.</summary>
/// <param name="Path">The file.</param>
/// <param name="Label">Index of its class folder in sorted order.</param>
/// <param name="Name">Class folder and file name.</param>
internal readonly record struct ClassFile(string Path, int Label, string Name);

/// <summary>The layout of a folder that contains exactly one folder per class.</summary>
/// <param name="dataset">Display name of the data set.</param>
/// <param name="folders">Names of the class folders, sorted by code point. The index of a folder is its label, as in the authors' code.</param>
/// <param name="extension">File name extension of the samples. Other files are ignored.</param>
/// <param name="layout">Description of the layout, for messages.</param>
internal sealed class ClassFolders(string dataset, IReadOnlyList<string> folders, string extension, string layout)
{
    /// <summary>Lists the samples in order of class, then of file name by code point.</summary>
    /// <exception cref="SpikeformerException">A class folder is missing, unknown or empty, or a folder cannot be read.</exception>
    public List<ClassFile> List(string root)
    {
        var found = RecordingFiles.List(root, Directory.EnumerateDirectories);
        if (found.FirstOrDefault(name => !folders.Contains(name)) is { } unknown)
            throw LayoutError($"{Path.Combine(root, unknown)} is not a class of {dataset} ({folders[0]} to {folders[^1]})");
        if (folders.FirstOrDefault(name => !found.Contains(name)) is { } missing)
            throw LayoutError($"{root} has no folder for class {missing}");
        var files = new List<ClassFile>();
        for (int label = 0; label < folders.Count; label++)
        {
            string folder = Path.Combine(root, folders[label]);
            var names = RecordingFiles.List(folder, Directory.EnumerateFiles).FindAll(name => name.EndsWith(extension, StringComparison.Ordinal));
            if (names.Count == 0) throw LayoutError($"{folder} holds no {extension} recordings");
            files.AddRange(names.Select(name => new ClassFile(Path.Combine(folder, name), label, $"{folders[label]}/{name}")));
        }
        return files;
    }

    /// <summary>Creates an error that describes the expected layout.</summary>
    public SpikeformerException LayoutError(string what) => new(ErrorKind.Usage, what, layout);
}
