namespace Spikeformer.Data.Recordings;

/// <summary>A sample's file in a class folder.</summary>
/// <param name="Path">The file.</param>
/// <param name="Label">Rank of its class.</param>
/// <param name="Name">Class folder and file name.</param>
internal readonly record struct ClassFile(string Path, int Label, string Name);

/// <summary>A folder of class folders, all of which must be there and none else.</summary>
/// <param name="dataset">The data set as people call it.</param>
/// <param name="folders">Names of the class folders, in order of code points: the rank is the label, as in the authors' code.</param>
/// <param name="extension">How the names of samples end; other files are passed over.</param>
/// <param name="layout">How the data set is laid out, for messages.</param>
internal sealed class ClassFolders(string dataset, IReadOnlyList<string> folders, string extension, string layout)
{
    /// <summary>The samples in order of class, then of file name by code point.</summary>
    /// <exception cref="SpikeformerException">A class is missing, unknown or empty, or a folder cannot be read.</exception>
    public List<ClassFile> List(string root)
    {
        var found = RecordingFiles.List(root, Directory.EnumerateDirectories);
        if (found.FirstOrDefault(name => !folders.Contains(name)) is { } unknown)
            throw Wrong($"{Path.Combine(root, unknown)} is no class of {dataset} ({folders[0]} to {folders[^1]})");
        if (folders.FirstOrDefault(name => !found.Contains(name)) is { } missing)
            throw Wrong($"{root} has no folder for class {missing}");
        var files = new List<ClassFile>();
        for (int label = 0; label < folders.Count; label++)
        {
            string folder = Path.Combine(root, folders[label]);
            var names = RecordingFiles.List(folder, Directory.EnumerateFiles).FindAll(name => name.EndsWith(extension, StringComparison.Ordinal));
            if (names.Count == 0) throw Wrong($"{folder} holds no {extension} recording");
            files.AddRange(names.Select(name => new ClassFile(Path.Combine(folder, name), label, $"{folders[label]}/{name}")));
        }
        return files;
    }

    /// <summary>An error of the layout.</summary>
    public SpikeformerException Wrong(string what) => new(ErrorKind.Usage, what, layout);
}
