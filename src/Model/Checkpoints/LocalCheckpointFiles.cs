namespace Spikeformer.Checkpoints;

/// <summary>Checkpoints in a directory of a file system.</summary>
/// <param name="directory">The directory of the checkpoints' folders; the first write creates it.</param>
/// <param name="lockPatience">How long to wait for another writer; null for 10 seconds.</param>
public sealed class LocalCheckpointFiles(string directory, TimeSpan? lockPatience = null) : ICheckpointFiles
{
    private const string LockFile = ".lock";
    private readonly string _directory = Path.GetFullPath(directory);
    private readonly TimeSpan _lockPatience = lockPatience ?? TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public string Location => _directory;

    /// <inheritdoc/>
    public IReadOnlyList<string> Folders()
    {
        // A file in place of the directory must be an error, not an empty run.
        if (!Directory.Exists(_directory) && !File.Exists(_directory)) return [];
        // Links are not followed: their targets are not ours to remove.
        var folders = new DirectoryInfo(_directory).EnumerateDirectories();
        return [.. folders.Where(folder => folder.LinkTarget is null).Select(folder => folder.Name)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Files(string folder) => Directory.Exists(PathOf(folder))
        ? [.. new DirectoryInfo(PathOf(folder)).EnumerateFiles().Select(file => file.Name).Where(name => !AtomicFile.IsTemporary(name))]
        : [];

    /// <inheritdoc/>
    public Stream OpenRead(string folder, string file) =>
        new FileStream(PathOf(folder, file), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);

    /// <inheritdoc/>
    public void Write(string folder, string file, Action<Stream> content)
    {
        AtomicFile.CreateDirectoryOrThrow(PathOf(folder));
        AtomicFile.WriteOrThrow(PathOf(folder, file), content);
    }

    /// <inheritdoc/>
    public void Move(string folder, string file, string target)
    {
        AtomicFile.CreateDirectoryOrThrow(PathOf(target));
        File.Move(PathOf(folder, file), PathOf(target, file), overwrite: true);
        Posix.SyncDirectory(PathOf(target));
    }

    /// <inheritdoc/>
    public void Delete(string folder, string file)
    {
        if (!File.Exists(PathOf(folder, file))) return;
        File.Delete(PathOf(folder, file));
        Posix.SyncDirectory(PathOf(folder));
    }

    /// <inheritdoc/>
    public void DeleteFolder(string folder)
    {
        if (!Directory.Exists(PathOf(folder))) return;
        Directory.Delete(PathOf(folder), recursive: true);
        Posix.SyncDirectory(_directory);
    }

    /// <inheritdoc/>
    public void DeleteLeftovers(string folder)
    {
        if (Directory.Exists(PathOf(folder))) AtomicFile.DeleteLeftovers(PathOf(folder));
    }

    /// <inheritdoc/>
    public long? AvailableBytes() => Directory.Exists(_directory) ? new DriveInfo(_directory).AvailableFreeSpace : null;

    /// <inheritdoc/>
    public IDisposable Lock()
    {
        AtomicFile.CreateDirectoryOrThrow(_directory);
        return FileLock.TryAcquire(Path.Combine(_directory, LockFile), _lockPatience, out string owner)
            ?? throw new SpikeformerException(ErrorKind.Conflict, $"{_directory} is being written by {owner}", "Try again when it has finished");
    }

    private string PathOf(string folder) => Path.Combine(_directory, PlainName(folder));

    private string PathOf(string folder, string file) => Path.Combine(PathOf(folder), PlainName(file));

    // The last guard against names in a damaged or hostile manifest.
    private static string PlainName(string name) => name is "" or "." or ".." || name.AsSpan().ContainsAny('/', '\0')
        ? throw new ArgumentException($"'{name}' is not a plain file name.", nameof(name))
        : name;
}
